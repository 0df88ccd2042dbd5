package github_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

func TestANoticeIsShownBesideTheCommit(t *testing.T) {
	at := provisioner.Repository{Owner: "octo-org", Name: "app"}
	long, app := strings.Repeat("ö", 200), testApp()
	type set func(*github.Client, provisioner.Job, github.Notice) error
	for name, c := range map[string]struct {
		id    int64
		app   *github.App
		set   set
		check bool
		want  map[string]string // texts by state
	}{
		"as a status": {
			set: func(c *github.Client, j provisioner.Job, n github.Notice) error {
				return c.SetStatus(t.Context(), j, n)
			},
			want: map[string]string{"pending": long[:2*139] + "…", "error": "no", "success": "yes"},
		},
		"as a check run": {
			id: app.ID, app: app, check: true,
			set:  func(c *github.Client, j provisioner.Job, n github.Notice) error { return c.SetCheck(t.Context(), j, n) },
			want: map[string]string{"queued": long, "failure": "no", "success": "yes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := githubtest.New(githubtest.Config{AppID: c.id})
			client := newClient(t, github.Config{BaseURL: "http://github.test", App: c.app, Transport: fakehttp.Loopback(g)})
			report, err := client.Job(t.Context(), at, g.QueueJob(at, "linux").ID)
			if err != nil || report.HeadSHA == "" {
				t.Fatalf("%+v, %v", report, err)
			}
			j := report.Job
			j.Workflow, j.Name = "CI", "build"
			for _, n := range []github.Notice{{State: github.NoticePending, Text: long}, {State: github.NoticeFailed, Text: "no"}, {State: github.NoticeOver, Text: "yes"}} {
				if err := c.set(client, j, n); err != nil {
					t.Error(err)
				}
			}
			got := map[string]string{}
			for _, n := range g.Notices() {
				got[n.State] = n.Text
				n.State, n.Text = "", ""
				if diff := cmp.Diff(githubtest.Notice{Repository: at, SHA: j.HeadSHA, Check: c.check, Name: "machine for CI / build", URL: j.URL}, n); diff != "" {
					t.Error(diff)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			j.HeadSHA = ""
			if err := c.set(client, j, github.Notice{State: github.NoticeOver}); !errors.Is(err, provisioner.ErrRefused) {
				t.Errorf("without a commit: %v", err)
			}
		})
	}
}
