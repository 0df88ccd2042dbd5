package webhook

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
)

// FuzzFormPayload compares with net/url, which is slower and more general: it also takes an escaped
// name of the parameter, and refuses semicolons.
func FuzzFormPayload(f *testing.F) {
	for _, form := range []string{"payload=%7B%22a%22%3A+1%7D", "a=b&payload=1&payload=2", "payload", "payload=", "a=payload=1", "payload=%", "payload=%e", "payload=%Gg", "payloads=1"} {
		f.Add(form)
	}
	f.Fuzz(func(t *testing.T, form string) {
		values, wantErr := url.ParseQuery(form)
		if strings.Contains(form, ";") || wantErr == nil && values.Has("payload") && !strings.Contains("&"+form, "&payload=") || strings.Count(form, "&") > 100 {
			return
		}
		body := []byte(form)
		got, err := formPayload(body)
		if !bytes.Equal(body, []byte(form)) {
			t.Errorf("the body was changed to %q", body)
		}
		if wantErr == nil {
			// A payload without "=" counts for net/url alone.
			if first := values.Get("payload"); err == nil && string(got) != first && !strings.Contains("&"+form+"&", "&payload&") {
				t.Errorf("%q: %q, want %q", form, got, first)
			} else if err != nil && values.Has("payload") {
				t.Errorf("%q: %v, want %q", form, err, first)
			}
		}
	})
}
