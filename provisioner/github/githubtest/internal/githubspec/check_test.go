package githubspec_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest/internal/githubspec"
)

// recorder is a test that notes what would fail it.
type recorder struct {
	testing.TB
	faults []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}
func (r *recorder) Helper() {}

const (
	registration = `{"name":"a","runner_group_id":1,"labels":["x"]}`
	registered   = `{"runner":{"id":1,"name":"a","os":"unknown","status":"offline","busy":false,"labels":[]},"encoded_jit_config":"e30="}`
	refused      = `{"message":"no","documentation_url":"https://docs.github.com/rest"}`
	jit          = "/repos/o/r/actions/runners/generate-jitconfig"
)

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		method, path, in string
		status           int
		out              string
		want             string // in the fault; "" for none
	}{
		"a call as described passes":                    {http.MethodPost, jit, registration, 201, registered, ""},
		"an error with its documentation passes":        {http.MethodPost, jit, registration, 409, refused, ""},
		"a refusal that is not described passes":        {http.MethodGet, "/repos/o/r/actions/runners/1", "", 404, refused, ""},
		"a bad request that is refused passes":          {http.MethodPost, jit, `{}`, 422, refused, ""},
		"an unknown path that is not found passes":      {http.MethodGet, "/moon", "", 404, refused, ""},
		"an unchanged answer passes":                    {http.MethodGet, "/repos/o/r/actions/runners", "", 304, "", ""},
		"what is beyond the description is not checked": {http.MethodGet, "/beyond/1", "", 200, `[]`, ""},
		"enterprise paths are checked too":              {http.MethodPost, "/api/v3" + jit, registration, 200, registered, "status"},
		"missing labels":                                {http.MethodPost, jit, `{"name":"a","runner_group_id":1}`, 201, registered, "labels"},
		"a wrong type":                                  {http.MethodPost, jit, registration, 201, strings.Replace(registered, `"id":1`, `"id":"1"`, 1), "id"},
		"a missing element":                             {http.MethodPost, jit, registration, 201, `{"runner":{}}`, "encoded_jit_config"},
		"a 200 that should be a 201":                    {http.MethodPost, jit, registration, 200, registered, "status"},
		"an error without its documentation":            {http.MethodPost, jit, registration, 409, `{"message":"no"}`, "documentation_url"},
		"an error that is not JSON":                     {http.MethodPost, jit, registration, 502, `<html>`, "refusal"},
		"an unknown path that is answered":              {http.MethodGet, "/moon", "", 200, `{}`, "does not have it"},
	} {
		t.Run(name, func(t *testing.T) {
			var got string
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				got = string(b)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.out)
			})
			tb := &recorder{TB: t}
			req := httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.in))
			if c.in != "" {
				req.Header.Set("Content-Type", "application/json")
			}
			rec := httptest.NewRecorder()
			githubspec.Check(tb, h, "/beyond/{id}").ServeHTTP(rec, req)
			if rec.Code != c.status || rec.Body.String() != c.out || got != c.in {
				t.Errorf("the call was changed on its way: %d %s, request %q", rec.Code, rec.Body, got)
			}
			faults := strings.Join(tb.faults, "\n")
			if c.want == "" && faults != "" || !strings.Contains(faults, c.want) {
				t.Errorf("faults %q, want %q", faults, c.want)
			}
		})
	}
}
