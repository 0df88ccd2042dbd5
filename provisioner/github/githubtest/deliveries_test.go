package githubtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest/internal/githubspec"
)

var nextPage = regexp.MustCompile(`<http://example.com(/[^>]*)>; rel="next"`)

func TestGitHubKeepsDeliveryLogs(t *testing.T) {
	for hook, c := range map[string]struct{ path, token string }{
		"octo/shop/7": {"/repos/octo/shop/hooks/7/deliveries", "token"},
		"octo/7":      {"/orgs/octo/hooks/7/deliveries", "token"},
		"":            {"/app/hook/deliveries", "a.b.c"},
	} {
		t.Run("of "+c.path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, h := newGitHub(t, githubtest.Config{AppID: 1})
				as := []string{"Authorization", "Bearer " + c.token}
				old := g.AddDelivery(hook, githubtest.Delivery{GUID: "old", Event: "ping", StatusCode: 200})
				time.Sleep(3 * 24 * time.Hour)
				var ids []int64
				for i, status := range []int{200, 502, 0, 202, 404} {
					ids = append(ids, g.AddDelivery(hook, githubtest.Delivery{
						GUID: fmt.Sprintf("guid-%d", i), Event: "workflow_job", Action: "queued", StatusCode: status,
						Header: map[string]string{"X-GitHub-Event": "workflow_job"}, Payload: json.RawMessage(`{"action":"queued"}`),
					}))
				}
				g.AddDelivery("octo/other/7", githubtest.Delivery{GUID: "elsewhere"})

				var seen []string
				for path := c.path + "?per_page=2"; path != ""; {
					a := ask(t, h, "GET "+path, "", as...)
					for _, d := range a.items(t, "") {
						seen = append(seen, d["guid"].(string))
					}
					path = ""
					if m := nextPage.FindStringSubmatch(a.Header().Get("Link")); m != nil {
						path = m[1]
					}
				}
				if got := fmt.Sprint(seen); got != "[guid-4 guid-3 guid-2 guid-1 guid-0]" {
					t.Errorf("the log says %s", got)
				}
				for status, want := range map[string]int{"failure": 2, "success": 3} {
					if got := ask(t, h, "GET "+c.path+"?status="+status, "", as...).items(t, ""); len(got) != want {
						t.Errorf("%d of status %s: %v", len(got), status, got)
					}
				}
				if a := ask(t, h, "GET "+c.path+"?cursor=x", "", as...); a.Code != http.StatusBadRequest {
					t.Errorf("a made-up cursor: %d", a.Code)
				}

				one := fmt.Sprintf("%s/%d", c.path, ids[1])
				d := ask(t, h, "GET "+one, "", as...).decode(t)
				request := d["request"].(map[string]any)
				if d["guid"] != "guid-1" || d["status_code"] != 502.0 || request["headers"].(map[string]any)["X-GitHub-Event"] != "workflow_job" ||
					request["payload"].(map[string]any)["action"] != "queued" {
					t.Errorf("%v", d)
				}
				if a := ask(t, h, "POST "+one+"/attempts", "", as...); a.Code != http.StatusAccepted {
					t.Errorf("redelivery: %d", a.Code)
				}
				for _, call := range []string{"GET %s/%d", "POST %s/%d/attempts"} {
					for _, id := range []int64{old, 12345} {
						if a := ask(t, h, fmt.Sprintf(call, c.path, id), "", as...); a.Code != http.StatusNotFound {
							t.Errorf(call+": %d", c.path, id, a.Code)
						}
					}
				}
			})
		})
	}
}

func TestGitHubPayloads(t *testing.T) {
	g, h := newGitHub(t, githubtest.Config{AppID: 1})
	job := g.QueueJob(shop, "self-hosted", "X")
	id := online(t, g, h, "a", "self-hosted", "x")
	decode := func(b []byte) (p struct {
		Action string
		Job    struct {
			ID         int64
			RunID      int64 `json:"run_id"`
			RunAttempt int   `json:"run_attempt"`
			Status     string
			Conclusion *string
			RunnerID   *int64  `json:"runner_id"`
			RunnerName *string `json:"runner_name"`
			Labels     []string
			Name       string
		} `json:"workflow_job"`
		Repository struct {
			FullName string `json:"full_name"`
			Owner    struct{ Login string }
		}
		Installation struct{ ID int64 }
	},
	) {
		t.Helper()
		if err := json.Unmarshal(b, &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	check := func(action string) {
		t.Helper()
		b := g.Payload(action, job)
		githubspec.CheckPayload(t, action, b)
		if len(b) < 6000 || len(b) > 9000 {
			t.Errorf("%s: %d bytes; GitHub's have 7 to 8 KB", action, len(b))
		}
		p := decode(b)
		if p.Action != action || p.Job.ID != job.ID || p.Job.RunID != g.Job(job.ID).RunID || p.Job.RunAttempt != 1 || p.Job.Status != action ||
			fmt.Sprint(p.Job.Labels) != "[self-hosted X]" || p.Repository.FullName != "octo/shop" || p.Repository.Owner.Login != "octo" || p.Installation.ID != 1 {
			t.Errorf("%s: %+v", action, p)
		}
		if has, want := p.Job.RunnerID != nil && *p.Job.RunnerID == id && *p.Job.RunnerName == "a", action == "in_progress" || action == "completed"; has != want {
			t.Errorf("%s: runner %v", action, p.Job.RunnerName)
		}
		if ended := p.Job.Conclusion != nil && *p.Job.Conclusion == "success"; ended != (action == "completed") {
			t.Errorf("%s: conclusion %v", action, p.Job.Conclusion)
		}
	}
	g.Assign()
	for _, action := range []string{"queued", "waiting", "in_progress", "completed"} {
		check(action)
	}
	g.FinishJob(job.ID, "success")
	for _, action := range []string{"queued", "in_progress", "completed"} { // late deliveries are like early ones
		check(action)
	}
	stranger := provisioner.Job{ID: 5, RunAttempt: 3, Repository: provisioner.Repository{Owner: "who", Name: "ever"}, Labels: []string{"y"}, Name: "lint"}
	b := g.Payload("queued", stranger)
	githubspec.CheckPayload(t, "queued", b)
	if p := decode(b); p.Job.ID != 5 || p.Job.RunAttempt != 3 || p.Job.Name != "lint" || p.Repository.FullName != "who/ever" || p.Installation.ID != 0 {
		t.Errorf("%+v", p)
	}
}
