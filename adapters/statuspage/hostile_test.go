package statuspage_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// What strangers put into names. Whoever may write a workflow of an allowed repository, or open a
// pull request with one, chooses the text.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</title></bdi></main><h1>Owned`, `<!--`, `{{.}}`, `javascript:alert(1)`,
	"\u202egnp.exe", "line\nbreak\r\nSet-Cookie: a=b", "\x00\xff\xfe", strings.Repeat("W", 5000), `<svg/onload=alert(1)>`, `&lt;b&gt;`,
}

func TestTextOfStrangersIsOnlyText(t *testing.T) {
	f := newFeed(t)
	for i, text := range hostile {
		j := provisioner.Job{
			ID: int64(i + 1), RunAttempt: 1, Repository: provisioner.Repository{Owner: text, Name: text}, Labels: []string{text}, Name: text, Workflow: text, URL: text,
		}
		f.tell(provisioner.EventAccepted, provisioner.Event{Job: j, RunnerType: text})
		f.tell(provisioner.EventRegistered, provisioner.Event{Job: j, Runner: provisioner.Runner{Name: text}})
		f.tell(provisioner.EventLaunched, provisioner.Event{Job: j, Provider: text, Machine: provisioner.Machine{ID: text + j.Key()}, Place: text})
		f.tell(provisioner.EventMachineLost, provisioner.Event{Job: j, Machine: provisioner.Machine{ID: text + j.Key()}, Reason: provisioner.Reason{Because: provisioner.BecauseMachineLost, Name: text, Detail: text}})
		f.tell(provisioner.EventGivenUp, provisioner.Event{Job: j, Reason: provisioner.Reason{Because: provisioner.BecauseGivenUp, Detail: text}})
		j.ID += 1000
		f.tell(provisioner.EventLaunched, provisioner.Event{Job: j})
		f.tell(provisioner.EventAccepted, provisioner.Event{Job: j, RunnerType: text})
		f.tell(provisioner.EventLaunched, provisioner.Event{Job: j, RunnerType: text, Machine: provisioner.Machine{ID: text + j.Key()}, Runner: provisioner.Runner{Name: text}})
	}
	s := serve(t, statuspage.New(f.Journal, statuspage.Config{
		Version: hostile[0], Deployment: hostile[1], GitHub: func() statuspage.GitHub { return statuspage.GitHub{Up: new(bool), Because: hostile[0]} },
	}))
	innocent := serve(t, statuspage.New(newFeed(t).some().Journal, statuspage.Config{}))
	paths := []string{"/", "/jobs", "/machines", "/jobs?type=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "/jobs?repository=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"}
	for i := range hostile {
		paths = append(paths, "/jobs/"+strconv.Itoa(i+1), "/jobs/"+strconv.Itoa(i+1001))
	}
	scripts := strings.Count(innocent.page("/jobs"), "<script")
	for _, path := range paths {
		page := s.page(path)
		if n := strings.Count(page, "<script"); n != scripts {
			t.Errorf("%s has %d scripts", path, n)
		}
		for _, bad := range []string{"<img", "<svg/", "<h1>Owned", "<!--", "onerror=alert(1)>", " onmouseover='", `href="javascript:`} {
			if strings.Contains(page, bad) {
				t.Errorf("%s has %s", path, bad)
			}
		}
		if strings.Count(page, "<main") != 1 || strings.Count(page, "</main>") != 1 || strings.Count(page, "<title>")-strings.Count(page, "<svg") > 1 {
			t.Errorf("%s is broken open", path)
		}
	}
}

func TestOnlyAddressesOfTheWebAreLinks(t *testing.T) {
	for address, link := range map[string]bool{
		"https://github.com/a/b/actions/runs/1/job/2": true, "http://ghes.example/a/b": true, "HTTPS://github.com/a": true,
		"javascript:alert(1)": false, "JavaScript:alert(1)": false, "java\nscript:alert(1)": false, " javascript:alert(1)": false, "data:text/html,x": false, "vbscript:x": false,
		"//evil.example/x": false, "/relative": false, "https:evil": false, "https:///nohost": false, "file:///etc/passwd": false, "": false, "https://[broken": false,
	} {
		f := newFeed(t)
		j := jobNamed(1, "build")
		j.URL = address
		f.tell(provisioner.EventAccepted, provisioner.Event{Job: j, RunnerType: "big", At: time.Now()})
		s := serve(t, statuspage.New(f.Journal, statuspage.Config{}))
		page := s.page("/jobs/1")
		var job statuspage.Job
		s.json("/jobs/1", &job)
		if strings.Contains(page, "<dt>At GitHub</dt>") != link || (job.URL != "") != link {
			t.Errorf("%q: a link is %t, and %q in JSON", address, !link, job.URL)
		}
	}
}

func TestWhatIsAskedForIsNotARedirectElsewhere(t *testing.T) {
	s, _ := newSite(t, statuspage.Config{})
	for _, q := range []string{"//evil.example", "https://evil.example/", "https://evil.example/a/b/actions/runs/1/job/101", "%0d%0aLocation:%20//evil"} {
		if resp, _ := s.do(http.MethodGet, "/jobs?q="+q); resp.StatusCode != http.StatusBadRequest && resp.Header.Get("Location") != "/jobs/101" {
			t.Errorf("%s leads to %q", q, resp.Header.Get("Location"))
		}
	}
}
