package statuspage_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

func TestTheOverviewShowsEveryTypeAndWhatHoldsItBack(t *testing.T) {
	up := true
	s, _ := newSite(t, statuspage.Config{
		Version: "v1.2.3", Deployment: "prod-1", StartedAt: time.Now().Add(-26 * time.Hour),
		GitHub: func() statuspage.GitHub {
			return statuspage.GitHub{Up: &up, Remaining: 4812, Limit: 5000, ResetAt: time.Now().Add(23*time.Minute + time.Second)}
		},
	})
	page := s.page("/")
	expect(t, page, "1 job waits, for 2 min. 1 machine runs.", "EC2 has no capacity for ubuntu-arm64 at any of its places", "InsufficientInstanceCapacity.",
		"<title>1 waiting · GitHub Runner Provisioner</title>", "v1.2.3", "deployment prod-1", "up 26 h, since <time", "4,812 of 5,000 requests left, full again <time", "GitHub accepts the credential.",
		"Last hour: at most 2 waiting, now 1; at most 1 running, now 1.", "macOS-arm64", "Without a machine in the last 24 h", "none of its 3 machines came up")
	if strings.Count(page, `<tbody role="rowgroup">`) != 3 {
		t.Errorf("there is not a row for each type:\n%s", page)
	}
	if reset := regexp.MustCompile(`full again <time datetime="[^"]+Z" title="[^"]+ UTC">in 23 min</time>`); !reset.MatchString(page) {
		t.Errorf("it is not said when GitHub's budget is full again:\n%s", page)
	}
}

func TestGitHubIsSaidToFailOnlyIfItDoes(t *testing.T) {
	up, down := true, false
	for want, g := range map[string]statuspage.GitHub{
		"Whether GitHub accepts the credential is not known yet.":                        {},
		"GitHub accepts the credential.":                                                 {Up: &up},
		"GitHub does not accept the credential, or does not answer: the log says which.": {Up: &down},
		"GitHub can&#39;t be used: 401 Bad credentials":                                  {Up: &down, Because: "401 Bad credentials"},
		`width="0" height="10"></rect></svg> <span>0 of 5,000 requests left `:            {Up: &up, Limit: 5000},
		`width="180" height="10"></rect></svg> <span>5,001 of 5,000 requests left `:      {Up: &up, Limit: 5000, Remaining: 5001},
	} {
		s := serve(t, statuspage.New(newFeed(t).Journal, statuspage.Config{GitHub: func() statuspage.GitHub { return g }}))
		expect(t, s.page("/"), want)
	}
}

func TestAJobsPageSaysWhyFirstAndThenWhatHappened(t *testing.T) {
	s, _ := newSite(t, statuspage.Config{})
	for path, want := range map[string][]string{
		"/jobs/101": {"EC2 has no capacity for ubuntu-arm64", "37 times, last at <time", "created at GitHub", "attempt put off", "Of 2 min 52 s: waiting 2 min 52 s.", "(in 40 s)</time>"},
		"/jobs/102": {"Its machine i-0aaa starts; without an online runner it is replaced at ", "place tried", "machine launched", "t4g.xlarge in subnet-a, after 3.4 s", ">+4 s<", "(in 4 min)</time>", "booting</span> <time"},
		"/jobs/103": {"It runs on runner grp-103-1.", "octo-org/other-repo", `<rect class="running"`, `<rect class="launching"`},
		"/jobs/104": {"It ran on runner grp-104-1, and has ended: success.", "Of 16 min 42 s: waiting 8 s, launching 4 s, booting 40 s, running 15 min 50 s.", `href="https://github.com/octo-org/octo-repo/actions/runs/77/job/1"`},
		"/jobs/105": {"It is denied: octo-org/octo-repo is not in REPOSITORIES."},
		"/jobs/106": {"It was given up: none of its 3 machines came up."},
	} {
		page := s.page(path)
		expect(t, page, want...)
		if lead, timeline := strings.Index(page, "lead"), strings.Index(page, "timeline"); lead < 0 || timeline < lead {
			t.Errorf("%s: the sentence does not come before the timeline", path)
		}
	}
}

func TestTheJobsThatWaitComeFirst(t *testing.T) {
	s, _ := newSite(t, statuspage.Config{})
	page := s.page("/jobs")
	if !inOrder(page, "/jobs/101", "/jobs/102", "/jobs/103", "/jobs/105", "/jobs/104") {
		t.Errorf("they are in another order:\n%s", page)
	}
	expect(t, page, "6 jobs, those that wait longest first", "EC2 has no capacity", ">grp-103-1</td>", "given up")
}

func inOrder(text string, parts ...string) bool {
	for _, p := range parts {
		_, after, found := strings.Cut(text, p)
		if !found {
			return false
		}
		text = after
	}
	return true
}

func TestManyJobsComeInPages(t *testing.T) {
	f := newFeed(t)
	for id := range int64(450) {
		f.tell(provisioner.EventAccepted, provisioner.Event{Job: jobNamed(id+1, "build"), RunnerType: "ubuntu-arm64", At: time.Now().Add(time.Duration(id-450) * time.Second)})
	}
	s := serve(t, statuspage.New(f.Journal, statuspage.Config{}))
	rows := func(page string) int { return strings.Count(page, `<th role="rowheader"`) }

	first := s.page("/jobs?type=ubuntu-arm64")
	expect(t, first, `<a href="/jobs?offset=200&amp;type=ubuntu-arm64" rel="next">250 more</a>`)
	last := s.page("/jobs?offset=400&type=ubuntu-arm64")
	expect(t, last, `<a href="/jobs?offset=200&amp;type=ubuntu-arm64" rel="prev">Back</a>`)
	if rows(first) != 200 || rows(last) != 50 || strings.Contains(last, "more</a>") {
		t.Errorf("the first page has %d jobs and the last %d", rows(first), rows(last))
	}
	expect(t, s.page("/jobs?limit=7&offset=7"), `<a href="/jobs?limit=7" rel="prev">Back</a>`, `<a href="/jobs?limit=7&amp;offset=14" rel="next">436 more</a>`)
	if beyond := s.page("/jobs?offset=9999"); rows(beyond) != 0 {
		t.Errorf("there are %d jobs beyond the last", rows(beyond))
	}
}

func TestMachinesAreListedWithTheirJobs(t *testing.T) {
	s, f := newSite(t, statuspage.Config{})
	expect(t, s.page("/machines"), "2 machines, the oldest first", "i-0aaa", `<a href="/jobs/102">102</a>`, "booting", "i-0bbb")
	f.Ask(nil)
	s = serve(t, statuspage.New(newFeed(t).Journal, statuspage.Config{}))
	expect(t, s.page("/machines"), "No machine is alive.")
	expect(t, s.page("/jobs"), "No job is known here yet")
	expect(t, s.page("/"), "No job waits. 0 machines run.")
}

func TestThePageWorksWithoutScripts(t *testing.T) {
	s, _ := newSite(t, statuspage.Config{})
	for _, path := range []string{"/", "/jobs", "/jobs/101", "/machines"} {
		page := s.page(path)
		expect(t, page, `<noscript><meta http-equiv="refresh" content="10"></noscript>`, `<html lang="en">`, `<main id="main"`, `href="#main"`, "<nav aria-label", "<footer")
		for _, bad := range []string{" style=", "onclick", "<style", "javascript:"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s has %s, which the policy forbids", path, bad)
			}
		}
		if scripts := regexp.MustCompile(`<script[^>]*>[^<]`).FindString(page); scripts != "" {
			t.Errorf("%s has a script in it: %s", path, scripts)
		}
	}
	resp, body := s.do(http.MethodGet, "/jobs/1", "Accept", asHTML)
	if strings.Contains(body, "refresh") || resp.StatusCode != http.StatusNotFound {
		t.Errorf("a page that does not change reloads itself: %s", resp.Status)
	}
}
