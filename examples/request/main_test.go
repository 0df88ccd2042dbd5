package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOnlyAJobThatGetsAMachineIsASuccess(t *testing.T) {
	for answer, want := range map[string]string{
		`200 {"status":"planned"}`:                                  "",
		`202 {"status":"queued"}`:                                   "",
		`202 {"status":"duplicate"}`:                                "",
		`200 {"status":"denied"}`:                                   "acme/web: name one that they allow, with -repository (make: REPOSITORY=owner/name)",
		`200 {"status":"ignored","reason":"no runner type serves"}`: "name those of one, with -labels (make: test-LABEL)",
		`401 {"status":"unauthorized"}`:                             "this shell's WEBHOOK_TOKEN is not the service's",
		`503 {"status":"unavailable"}`:                              "refused: 503 Service Unavailable, unavailable",
		`200 {"status":"recorded"}`:                                 "refused: 200 OK, recorded",
		`404 404 page not found`:                                    "refused: 404 Not Found is no answer of the service",
		`200 <html>`:                                                "refused: 200 OK is no answer of the service",
	} {
		t.Run(answer, func(t *testing.T) {
			service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var sent struct {
					Repository struct {
						FullName string `json:"full_name"`
					}
				}
				body, _ := io.ReadAll(r.Body)
				if json.Unmarshal(body, &sent) != nil || sent.Repository.FullName != "acme/web" || r.Header.Get("X-Hub-Signature-256") != sign("secret", body) {
					t.Errorf("sent %s", body)
				}
				var code int
				_, _ = fmt.Sscan(answer, &code)
				w.WriteHeader(code)
				_, _ = io.WriteString(w, answer[4:])
			}))
			defer service.Close()
			var out strings.Builder
			err := run([]string{"-url", service.URL, "-repository", "acme/web"}, "secret", &out)
			if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("want %q, got %v", want, err)
			}
			if !strings.Contains(out.String(), strings.TrimSpace(answer[4:])[:5]) && !strings.Contains(out.String(), `"status"`) {
				t.Errorf("the answer is not shown: %s", out.String())
			}
		})
	}
}
