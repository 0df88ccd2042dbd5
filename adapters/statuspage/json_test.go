package statuspage_test

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// object is a JSON object as a program that is not ours sees it.
type object = map[string]any

func fields(o any) []string { return slices.Sorted(maps.Keys(o.(object))) }

func inUTC(t *testing.T, of object, names ...string) {
	t.Helper()
	for _, name := range names {
		text, _ := of[name].(string)
		if at, err := time.Parse(time.RFC3339, text); err != nil || text[len(text)-1] != 'Z' || at.IsZero() {
			t.Errorf("%s is %q: %v", name, text, err)
		}
	}
}

func has(t *testing.T, what string, o any, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, ok := o.(object)[name]; !ok {
			t.Errorf("%s has no %s, but %v", what, name, fields(o))
		}
	}
}

func TestTheOverviewsJSON(t *testing.T) {
	up := true
	s, _ := newSite(t, statuspage.Config{Version: "v1", Deployment: "d", GitHub: func() statuspage.GitHub {
		return statuspage.GitHub{Up: &up, Remaining: 1, Limit: 5000, ResetAt: time.Now()}
	}})
	var got object
	s.json("/", &got)
	if want := []string{"deployment", "github", "started_at", "types", "version"}; !slices.Equal(fields(got), want) || got["version"] != "v1" || got["deployment"] != "d" {
		t.Errorf("it is %v", got)
	}
	inUTC(t, got, "started_at")
	github := got["github"].(object)
	if want := (object{"up": true, "remaining": 1.0, "limit": 5000.0, "reset_at": github["reset_at"]}); !reflect.DeepEqual(github, want) {
		t.Errorf("GitHub is %v", github)
	}
	inUTC(t, github, "reset_at")

	held := got["types"].([]any)[0].(object)
	has(t, "a type that is held back", held, "name", "provider", "waiting", "oldest_waiting_since", "booting", "ready", "running", "max", "because", "until")
	inUTC(t, held, "oldest_waiting_since", "until")
	if held["name"] != "ubuntu-arm64" || held["waiting"] != 1.0 || held["booting"] != 1.0 || held["running"] != 1.0 || held["max"] != 50.0 || held["reason"] != "capacity" {
		t.Errorf("the type is %v", held)
	}
	free := got["types"].([]any)[1]
	if want := (object{"name": "macOS-arm64", "provider": "codemagic", "waiting": 0.0, "booting": 0.0, "ready": 0.0, "running": 0.0, "max": 3.0, "because": ""}); !reflect.DeepEqual(free, want) {
		t.Errorf("a type that nothing holds back is %v", free)
	}
}

func TestWhatNobodyKnowsOfGitHubIsNotMadeUp(t *testing.T) {
	s, _ := newSite(t, statuspage.Config{})
	var got object
	s.json("/", &got)
	if want := (object{"up": nil, "remaining": 0.0, "limit": 0.0}); !reflect.DeepEqual(got["github"], want) {
		t.Errorf("GitHub is %v", got["github"])
	}
}

func TestAJobsJSON(t *testing.T) {
	s, _ := newSite(t, statuspage.Config{})
	for id, want := range map[string]struct {
		state   journal.State
		because bool
		until   bool
	}{
		"101": {journal.Waiting, true, true}, "102": {journal.Booting, true, true}, "103": {journal.Running, false, false},
		"104": {journal.Ended, false, false}, "105": {journal.Denied, true, false}, "106": {journal.GivenUp, true, false},
	} {
		var got object
		s.json("/jobs/"+id, &got)
		has(t, id, got, "job_id", "repository", "type", "state", "because", "since", "timeline", "name", "workflow", "url")
		inUTC(t, got, "since")
		if _, until := got["until"]; got["state"] != string(want.state) || (got["because"] != "") != want.because || until != want.until {
			t.Errorf("job %s is %v, until %v, because %v", id, got["state"], got["until"], got["because"])
		}
		for _, step := range got["timeline"].([]any) {
			has(t, "a step of "+id, step, "at", "step", "detail")
			inUTC(t, step.(object), "at")
		}
	}
	var waits statuspage.Job
	s.json("/jobs/101", &waits)
	if last := waits.Timeline[len(waits.Timeline)-1]; last.Times != 37 || last.Step != "held" || last.Last.Sub(last.At) != 36*time.Second {
		t.Errorf("37 equal steps are %+v", last)
	}
}

func TestTheJobsAndMachinesJSON(t *testing.T) {
	s, _ := newSite(t, statuspage.Config{})
	var jobs object
	s.json("/jobs", &jobs)
	first := jobs["jobs"].([]any)[0]
	has(t, "a job", first, "job_id", "repository", "type", "state", "because", "until", "since")
	if _, timeline := first.(object)["timeline"]; timeline || len(jobs["jobs"].([]any)) != 6 || jobs["total"] != 6.0 {
		t.Errorf("the jobs are %v", jobs)
	}
	var machines object
	s.json("/machines", &machines)
	m := machines["machines"].([]any)[0].(object)
	has(t, "a machine", m, "id", "type", "state", "runner", "job_id", "repository", "launched_at")
	inUTC(t, m, "launched_at")
	if m["id"] != "i-0bbb" || m["state"] != "running" || m["job_id"] != 103.0 || m["repository"] != "octo-org/other-repo" {
		t.Errorf("the machine is %v", m)
	}

	empty := serve(t, statuspage.New(journal.New(journal.Config{}), statuspage.Config{}))
	for path, list := range map[string]string{"/": "types", "/jobs": "jobs", "/machines": "machines"} {
		var got object
		empty.json(path, &got)
		if l, ok := got[list].([]any); !ok || len(l) != 0 {
			t.Errorf("%s without anything is %v", path, got)
		}
	}
}

func TestAJobThatWasNeverSeen(t *testing.T) {
	s, _ := newSite(t, statuspage.Config{})
	var got statuspage.Problem
	if resp := s.json("/jobs/4711", &got); resp.StatusCode != http.StatusNotFound || got.Error != `No job "4711" is known here.` || !slices.Equal(got.Meaning, statuspage.Unseen) {
		t.Errorf("%s: %+v", resp.Status, got)
	}
	_, page := s.do(http.MethodGet, "/jobs/4711", "Accept", asHTML)
	expect(t, page, "No job &#34;4711&#34; is known here.", "Its webhook never came", "7 days", "Another replica", "mistyped")
}

func TestJobsAreFiltered(t *testing.T) {
	s, _ := newSite(t, statuspage.Config{})
	for query, want := range map[string][]int64{
		"":                                {waitingJob, bootingJob, runningJob, deniedJob, endedJob, givenUpJob},
		"state=waiting":                   {waitingJob},
		"state=":                          {waitingJob, bootingJob, runningJob, deniedJob, endedJob, givenUpJob},
		"state=waiting,booting":           {waitingJob, bootingJob},
		"state=ended&state=denied":        {deniedJob, endedJob},
		"type=big":                        {endedJob},
		"type=none":                       {},
		"repository=Octo-Org/OTHER-repo":  {runningJob},
		"repository=octo-org/other*":      {runningJob},
		"repository=octo-org":             {},
		"repository=octo-org/*&type=big":  {endedJob},
		"limit=2":                         {waitingJob, bootingJob},
		"limit=2&offset=4":                {endedJob, givenUpJob},
		"offset=100":                      {},
		"state=running&type=ubuntu-arm64": {runningJob},
	} {
		var got statuspage.Jobs
		s.json("/jobs?"+query, &got)
		ids := []int64{}
		for _, j := range got.Jobs {
			ids = append(ids, j.ID)
		}
		slices.Sort(ids)
		slices.Sort(want)
		if !slices.Equal(ids, want) {
			t.Errorf("%q gives %v, not %v", query, ids, want)
		}
	}
}

func TestTheSearchLeadsToTheJob(t *testing.T) {
	s, _ := newSite(t, statuspage.Config{})
	for _, q := range []string{"101", "+101+", "https%3A%2F%2Fgithub.com%2Focto-org%2Focto-repo%2Factions%2Fruns%2F77%2Fjob%2F101%3Fpr%3D5%23step%3A3%3A1"} {
		resp, _ := s.do(http.MethodGet, "/jobs?q="+q)
		if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/jobs/101" {
			t.Errorf("q=%s: %s to %q", q, resp.Status, resp.Header.Get("Location"))
		}
	}
	resp, page := s.do(http.MethodGet, "/jobs?q=%22%3E%3Cscript%3E")
	if resp.StatusCode != http.StatusBadRequest {
		t.Error(resp.Status)
	}
	expect(t, page, `value="&#34;&gt;&lt;script&gt;"`, "neither a job&#39;s id nor its address")
	if _, page = s.do(http.MethodGet, "/jobs?q="); page == "" {
		t.Error("an empty search shows nothing")
	}
}
