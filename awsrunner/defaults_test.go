package awsrunner

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestTheSchemaOfTheCatalogueHasTheDefaults(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "examples", "runners.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs struct {
			AWS struct {
				Properties map[string]struct{ Default any }
			} `json:"aws"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(content, &schema); err != nil {
		t.Fatal(err)
	}
	defaults := map[string]any{}
	for key, property := range schema.Defs.AWS.Properties {
		value := property.Default
		if text, ok := value.(string); ok && key == "idle_timeout" {
			if value, err = time.ParseDuration(text); err != nil {
				t.Error(err)
			}
		}
		defaults[strings.ReplaceAll(key, "_", "")] = value
	}
	text, err := json.Marshal(defaults)
	if err != nil {
		t.Fatal(err)
	}
	var got Settings
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff((Settings{}).withDefaults(), got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-settings +schema:\n%s", diff)
	}
}
