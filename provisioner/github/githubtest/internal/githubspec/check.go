package githubspec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Check returns a handler that passes requests on to h and fails the test when a request or its
// answer is not what GitHub's description says: an unknown path, a missing parameter, a status that
// the operation does not have, a body of another shape.
//
// Requests that h refuses (4xx, 5xx) may be wrong; the refusal must have GitHub's form, with a
// message and a documentation_url, even where the description leaves out the status. Paths in
// beyond, as patterns of [http.ServeMux] without a method, exist at GitHub and not in the
// description: they are not checked.
func Check(t testing.TB, h http.Handler, beyond ...string) http.Handler {
	t.Helper()
	router, err := load()
	if err != nil {
		t.Fatal(err)
	}
	unchecked := http.NewServeMux()
	for _, pattern := range beyond {
		unchecked.Handle(pattern, h)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if _, pattern := unchecked.Handler(r); pattern == "" {
			for _, fault := range faults(router, r, rec) {
				t.Errorf("%s %s: %d: %v\n%s", r.Method, r.URL, rec.Code, fault, rec.Body)
			}
		}
		maps.Copy(w.Header(), rec.Header())
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// root is where the description of the API says that it is.
const root = "https://api.github.com"

var load = sync.OnceValues(func() (routers.Router, error) {
	path, err := find("rest-openapi.json")
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("GitHub's description: %w", err)
	}
	if err := mend(doc); err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

// mend corrects what the description has wrong: in the list of an App's installations, the account
// must be a user and an enterprise at once (allOf). Where an installation stands alone it must be
// one of them (anyOf).
func mend(doc *openapi3.T) error {
	list := doc.Paths.Value("/app/installations").Get.Responses.Status(http.StatusOK).Value.Content.Get("application/json").Schema.Value
	account := list.Items.Value.Properties["account"].Value
	if len(account.AllOf) != 2 || len(account.AnyOf) != 0 {
		return errors.New("GitHub's description of an installation's account is another now: see whether it still has to be mended")
	}
	account.AnyOf, account.AllOf = account.AllOf, nil
	return nil
}

// find looks for testdata of package githubtest from the folder of the test up.
func find(name string) (string, error) {
	dir, err := os.Getwd()
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "testdata", name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no testdata/%s in this folder or above it", name)
}

// faults compares one request and its answer with the description.
func faults(router routers.Router, r *http.Request, rec *httptest.ResponseRecorder) (out []error) {
	asked, err := http.NewRequestWithContext(r.Context(), r.Method, root+strings.TrimPrefix(r.URL.RequestURI(), "/api/v3"), r.Body)
	if err != nil {
		return []error{err}
	}
	asked.Header = r.Header.Clone()
	refused := rec.Code >= 400
	if refused {
		if err := refusal(rec); err != nil {
			out = append(out, err)
		}
	}
	route, parameters, err := router.FindRoute(asked)
	if err != nil {
		if rec.Code == http.StatusNotFound {
			return out
		}
		return append(out, fmt.Errorf("answered, and GitHub does not have it: %w", err))
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true}
	options.WithCustomSchemaErrorFunc(func(e *openapi3.SchemaError) string {
		return "/" + strings.Join(e.JSONPointer(), "/") + ": " + e.Reason
	})
	in := &openapi3filter.RequestValidationInput{Request: asked, PathParams: parameters, Route: route, Options: options}
	if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil && !refused {
		out = append(out, fmt.Errorf("the request should have been refused: %w", err))
	}
	described := route.Operation.Responses.Status(rec.Code) != nil
	if rec.Code == http.StatusNotModified && r.Method == http.MethodGet || refused && !described {
		return out // GitHub has these everywhere, and describes them in places
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: rec.Code, Header: rec.Header(), Options: in.Options}
	answer.SetBodyBytes(rec.Body.Bytes())
	if err := openapi3filter.ValidateResponse(r.Context(), answer); err != nil {
		out = append(out, fmt.Errorf("the answer: %w", err))
	}
	return out
}

// refusal reports what is wrong with an error's body.
func refusal(rec *httptest.ResponseRecorder) error {
	var body struct {
		Message       string `json:"message"`
		Documentation string `json:"documentation_url"`
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
		return fmt.Errorf("the refusal: %w", err)
	}
	if body.Message == "" || !strings.HasPrefix(body.Documentation, "https://docs.github.com/") {
		return errors.New("the refusal has no message or documentation_url")
	}
	return nil
}
