package codemagictest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/codemagic/codemagictest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// callCodemagic makes one call and returns its status and its answer.
func callCodemagic(t *testing.T, h http.Handler, method, path, body string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://codemagic.test"+path, strings.NewReader(body))
	r.Header.Set("X-Auth-Token", "codemagic-token")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	answer := map[string]any{}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
		}
	}
	return w.Code, answer
}

const codemagicStart = `{"appId": "a", "workflowId": "w", "branch": "main", "labels": ["x"], "environment": {"variables": {"K": "V"}}}`

func TestCodemagicRefuses(t *testing.T) {
	fake := codemagictest.New(codemagictest.Config{Apps: []string{"a"}})
	for name, test := range map[string]struct {
		method, path, body string
		want               int
	}{
		"a start without an app":                    {"POST", "/builds", `{"workflowId": "w", "branch": "main"}`, 400},
		"a start without a branch":                  {"POST", "/builds", `{"appId": "a", "workflowId": "w"}`, 400},
		"a start with a field nobody knows":         {"POST", "/builds", `{"appId": "a", "workflowId": "w", "branch": "b", "instance_type": "m"}`, 400},
		"a start of an app that does not exist":     {"POST", "/builds", `{"appId": "b", "workflowId": "w", "branch": "main"}`, 404},
		"a start that is too large":                 {"POST", "/builds", strings.Repeat(" ", 2<<20), 413},
		"a list of an app that does not exist":      {"GET", "/builds?appId=b", "", 404},
		"a list from before its beginning":          {"GET", "/builds?skip=-1", "", 400},
		"a page of nothing":                         {"GET", "/builds?limit=0", "", 400},
		"an app that does not exist":                {"GET", "/apps/b", "", 404},
		"a build that does not exist":               {"GET", "/builds/1", "", 404},
		"to cancel a build that does not exist":     {"POST", "/builds/1/cancel", "", 404},
		"a method that the API does not have there": {"DELETE", "/apps/a", "", 405},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), test.method, "http://codemagic.test"+test.path, strings.NewReader(test.body))
			r.Header.Set("X-Auth-Token", "codemagic-token")
			w := httptest.NewRecorder()
			fake.ServeHTTP(w, r)
			if w.Code != test.want {
				t.Errorf("status %d, want %d: %s", w.Code, test.want, w.Body)
			}
		})
	}
	t.Run("another token", func(t *testing.T) {
		w := httptest.NewRecorder()
		fake.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "http://codemagic.test/apps/a", http.NoBody))
		if w.Code != 401 {
			t.Errorf("status %d", w.Code)
		}
	})
	if n := len(fake.Builds()); n != 0 {
		t.Errorf("%d builds came of refused calls", n)
	}
}

func TestCodemagicHasNoIdempotency(t *testing.T) {
	fake := codemagictest.New(codemagictest.Config{})
	for range 2 {
		if status, _ := callCodemagic(t, fake, "POST", "/builds", codemagicStart); status != 200 {
			t.Fatalf("status %d", status)
		}
	}
	builds := fake.Builds()
	if len(builds) != 2 || builds[0].ID == builds[1].ID || builds[1].Variables["K"] != "V" || builds[1].Labels[0] != "x" ||
		string(builds[1].Request) != codemagicStart {
		t.Errorf("builds %+v", builds)
	}
	builds[0].Labels[0], builds[0].Variables["K"] = "changed", "changed"
	if again := fake.Builds()[0]; again.Labels[0] != "x" || again.Variables["K"] != "V" {
		t.Error("the builds handed out are not copies")
	}
}

func TestCodemagicListsLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := codemagictest.New(codemagictest.Config{ListLag: 5 * time.Second})
		_, started := callCodemagic(t, fake, "POST", "/builds", codemagicStart)
		for age, want := range []int{0, 0, 0, 0, 0, 1} {
			if _, answer := callCodemagic(t, fake, "GET", "/builds?appId=a", ""); len(answer["builds"].([]any)) != want {
				t.Errorf("the list has %v after %d s, want %d", answer["builds"], age, want)
			}
			if status, _ := callCodemagic(t, fake, "GET", "/builds/"+started["buildId"].(string), ""); status != 200 {
				t.Errorf("the build itself is unknown after %d s", age)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestCodemagicQueuesBuildsBeyondItsConcurrency(t *testing.T) {
	fake := codemagictest.New(codemagictest.Config{Concurrency: 1})
	for range 3 {
		callCodemagic(t, fake, "POST", "/builds", codemagicStart)
	}
	statuses := func() string {
		var s []string
		for _, b := range fake.Builds() {
			s = append(s, b.Status)
		}
		return strings.Join(s, " ")
	}
	ids := fake.Builds()
	for _, step := range []struct {
		what string
		do   func()
		want string
	}{
		{"at first", func() {}, "building queued queued"},
		{"the first finishes", func() { fake.Finish(ids[0].ID, "finished") }, "finished building queued"},
		{"it can't finish twice", func() { fake.Finish(ids[0].ID, "failed") }, "finished building queued"},
		{"its status stays", func() { fake.SetStatus(ids[0].ID, "building") }, "finished building queued"},
		{"the second is cancelled", func() { callCodemagic(t, fake, "POST", "/builds/"+ids[1].ID+"/cancel", "") }, "finished canceled building"},
		{"the last one's status changes", func() { fake.SetStatus(ids[2].ID, "publishing") }, "finished canceled publishing"},
	} {
		step.do()
		if got := statuses(); got != step.want {
			t.Errorf("%s: %q, want %q", step.what, got, step.want)
		}
	}
	if status, _ := callCodemagic(t, fake, "POST", "/builds/"+ids[1].ID+"/cancel", ""); status != 208 {
		t.Errorf("status %d for a build that is over", status)
	}
}

func TestCodemagicCountsTheCallsThatGoWrongToo(t *testing.T) {
	fake := codemagictest.New(codemagictest.Config{})
	fake.SetFaults(func(operation string, _ *http.Request) *fakehttp.Fault {
		if operation == "POST /builds" {
			return &fakehttp.Fault{Status: 503}
		}
		return nil
	})
	if status, _ := callCodemagic(t, fake, "POST", "/builds", codemagicStart); status != 503 {
		t.Errorf("status %d", status)
	}
	if status, _ := callCodemagic(t, fake, "GET", "/apps/a", ""); status != 200 {
		t.Errorf("status %d", status)
	}
	if calls := fake.Calls(); calls["POST /builds"] != 1 || calls["GET /apps/{id}"] != 1 || len(fake.Builds()) != 0 {
		t.Errorf("calls %v, builds %v", calls, fake.Builds())
	}
}
