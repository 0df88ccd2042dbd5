package githubspec

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// CheckPayload fails the test when the body of a workflow_job delivery is not what GitHub's
// description of that event says.
func CheckPayload(t testing.TB, action string, body []byte) {
	t.Helper()
	if err := payload(action, body); err != nil {
		t.Errorf("%s: %v\n%s", action, err, body)
	}
}

func payload(action string, body []byte) error {
	path, err := find("webhooks-openapi.json")
	if err != nil {
		return err
	}
	doc, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		return fmt.Errorf("GitHub's description: %w", err)
	}
	schema := doc.Components.Schemas["webhook-workflow-job-"+strings.ReplaceAll(action, "_", "-")]
	if schema == nil {
		return errors.New("there is no such action")
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	return schema.Value.VisitJSON(v, openapi3.MultiErrors(), openapi3.EnableJSONSchema2020())
}
