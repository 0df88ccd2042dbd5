package statuspage_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// The page asks nobody who they are: what mounts it does.
func ExampleNew() {
	j := journal.New(journal.Config{})
	j.Observe(context.Background(), provisioner.Event{Kind: provisioner.EventDenied, Job: provisioner.Job{ID: 5}, Reason: provisioner.Reason{
		Because: provisioner.BecauseNotAllowed, Detail: "octo-org/octo-repo is not in REPOSITORIES",
	}})

	page := statuspage.New(j, statuspage.Config{Prefix: "/runners"})
	mux := http.NewServeMux()
	mux.HandleFunc("/runners/", func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "secret" {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		page.ServeHTTP(w, r)
	})

	r := httptest.NewRequest(http.MethodGet, "/runners/jobs?q=5", nil)
	r.SetBasicAuth("", "secret")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("Location"))

	w = httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/runners/", nil))
	body, _ := io.ReadAll(w.Body)
	fmt.Print(w.Code, " ", string(body))
	// Output:
	// 303 /runners/jobs/5
	// 401 who are you?
}

func ExampleParseJob() {
	id, err := statuspage.ParseJob("https://github.com/octo-org/octo-repo/actions/runs/77/job/12345?pr=5")
	fmt.Println(id, err)
	_, err = statuspage.ParseJob("main")
	fmt.Println(err)
	// Output:
	// 12345 <nil>
	// "main": it is neither a job's id nor its address at GitHub, https://github.com/OWNER/REPO/actions/runs/RUN/job/JOB
}
