package provisioner_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

type client struct {
	token provisioner.Secret
	keys  []provisioner.Secret
	named map[string]provisioner.Secret
}

// holder has secrets wherever a caller may put them.
type holder struct {
	Shown  provisioner.Secret
	Held   *provisioner.Secret
	Named  map[string]provisioner.Secret
	Any    any
	hidden provisioner.Secret
	client client
	any    any
}

const hunter = "hunter2-hunter2?hunter2"

func newHolder() holder {
	s := provisioner.NewSecret(hunter)
	return holder{
		Shown: s, Held: &s, Named: map[string]provisioner.Secret{"a": s}, Any: client{token: s}, hidden: s,
		client: client{s, []provisioner.Secret{s}, map[string]provisioner.Secret{"a": s}}, any: &client{token: s},
	}
}

// tells reports whether a text shows a good part of the secret, in whatever form.
func tells(text string) bool {
	text = strings.ToLower(strings.Join(strings.Fields(text), ""))
	part := "hunter2"
	decimal := strings.ReplaceAll(strings.Trim(fmt.Sprintf("%d", []byte(part)), "[]"), " ", "")
	for _, form := range []string{part, hex.EncodeToString([]byte(part)), decimal, base64.StdEncoding.EncodeToString([]byte("hunter"))} {
		if strings.Contains(text, strings.ToLower(form)) {
			return true
		}
	}
	return strings.Contains(strings.ReplaceAll(text, "0x", ""), "68,75,6e,74,65,72")
}

func TestNoVerbShowsASecretWhereverItIs(t *testing.T) {
	h := newHolder()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%c", "%U", "%b", "%o", "%e", "%t", "%p", "%T", "%z", "%10.3s"} {
		for name, value := range map[string]any{
			"itself": h.Shown, "a pointer to it": h.Held, "a struct": h, "a pointer to a struct": &h, "a list": []holder{h}, "a list of secrets": h.client.keys,
			"a map": h.Named, "a client": h.client, "a pointer in a struct": struct{ c *client }{&h.client}, "an error": fmt.Errorf("%w: "+verb, errors.ErrUnsupported, h),
		} {
			if got := fmt.Sprintf(verb, value); tells(got) {
				t.Errorf("%s of %s tells the secret: %s", verb, name, got)
			}
		}
	}
}

func TestNoLogShowsASecret(t *testing.T) {
	h := newHolder()
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		for _, value := range []any{h, &h, h.client, &h.client, h.Shown, h.Held, []any{h}, h.Named, fmt.Errorf("%v", h)} {
			log := slog.New(handler).With("with", value).WithGroup("group")
			log.Info(fmt.Sprint(value), "value", value)
		}
	}
	if got := out.String(); tells(got) || !strings.Contains(got, "[redacted]") {
		t.Errorf("the log tells the secret, or says nothing: %s", got)
	}
}

func TestNoEncodingShowsASecret(t *testing.T) {
	h := newHolder()
	var text, xmlText, gobText bytes.Buffer
	if err := json.NewEncoder(&text).Encode([]any{h, &h, h.client, h.Shown, h.Held}); err != nil || !strings.Contains(text.String(), "[redacted]") {
		t.Errorf("json: %v: %s", err, &text)
	}
	if err := xml.NewEncoder(&xmlText).Encode(h.Shown); err != nil {
		t.Errorf("xml: %v", err)
	}
	if err := gob.NewEncoder(&gobText).Encode(struct {
		Name   string
		Secret provisioner.Secret
	}{"name", h.Shown}); err == nil {
		t.Error("gob took a secret")
	}
	if got := text.String() + xmlText.String() + gobText.String(); tells(got) {
		t.Errorf("encoded, the secret shows: %q", got)
	}
}

func TestASecretIsItsText(t *testing.T) {
	s := provisioner.NewSecret(hunter)
	var read, zero provisioner.Secret
	if err := read.UnmarshalText([]byte(hunter)); err != nil || !read.Equal(s) || !reflect.DeepEqual(read, s) || s.Reveal() != hunter || s.IsZero() {
		t.Error("the same text is another secret")
	}
	if s.Equal(zero) || zero.Equal(s) || s.Equal(provisioner.NewSecret("hunter2")) || reflect.DeepEqual(s, zero) {
		t.Error("another text is the same secret")
	}
	if !zero.IsZero() || zero.Reveal() != "" || !reflect.DeepEqual(zero, provisioner.NewSecret("")) || zero.String() != s.String() {
		t.Error("the zero secret is not the empty one")
	}
	if reflect.TypeFor[provisioner.Secret]().Comparable() {
		t.Error("== compiles, and compares addresses")
	}
}
