package codemagic_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/codemagic/codemagictest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// start starts n builds that are none of ours.
func start(t *testing.T, c *codemagic.Client, n int) {
	t.Helper()
	for range n {
		if _, err := c.StartBuild(t.Context(), codemagic.StartRequest{AppID: app, WorkflowID: "github-runner", Branch: "main"}); err != nil {
			t.Fatal(err)
		}
	}
}

// arriving has builds come before the answers to the first list calls, as many before each.
func arriving(arrive func(n int), before ...int) fakehttp.Faults {
	return func(operation string, _ *http.Request) *fakehttp.Fault {
		if operation == "GET /builds" && len(before) > 0 {
			n := before[0]
			before = before[1:]
			arrive(n)
		}
		return nil
	}
}

func TestAListIsReadToItsEnd(t *testing.T) {
	for name, test := range map[string]struct {
		cfg     codemagictest.Config
		builds  int
		arrive  []int // builds that come before the first page, the second, ...
		pages   int   // the requests that it takes
		partial bool  // the server shows no more than its first page
	}{
		"nothing":                            {builds: 0, pages: 1},
		"one build":                          {builds: 1, pages: 2},
		"one page":                           {builds: 30, pages: 2},
		"a build more":                       {builds: 31, pages: 3},
		"several pages":                      {builds: 100, pages: 6},
		"pages of one":                       {cfg: codemagictest.Config{PageSize: 1}, builds: 5, pages: 6},
		"pages of two":                       {cfg: codemagictest.Config{PageSize: 2}, builds: 5, pages: 5},
		"no pages, and skip means nothing":   {cfg: codemagictest.Config{PageSize: 1000, IgnoreSkip: true}, builds: 500, pages: 3},
		"pages, and skip means nothing":      {cfg: codemagictest.Config{PageSize: 10, IgnoreSkip: true}, builds: 50, pages: 2, partial: true},
		"the same, and builds come":          {cfg: codemagictest.Config{PageSize: 10, IgnoreSkip: true}, builds: 50, arrive: []int{0, 1, 3}, pages: 4, partial: true},
		"a build comes between two pages":    {builds: 100, arrive: []int{0, 1}, pages: 6},
		"builds come between all pages":      {builds: 100, arrive: []int{0, 1, 2, 3, 4, 5, 6}, pages: 6},
		"as many come as fit a page":         {cfg: codemagictest.Config{PageSize: 10}, builds: 40, arrive: []int{0, 10}, pages: 8},
		"more come than fit a page":          {cfg: codemagictest.Config{PageSize: 10}, builds: 40, arrive: []int{0, 16, 0, 11}, pages: 11},
		"builds come where there are none":   {arrive: []int{0, 1}, pages: 1},
		"builds come at the end of the list": {cfg: codemagictest.Config{PageSize: 10}, builds: 10, arrive: []int{0, 2}, pages: 2},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFake(test.cfg)
			client := newClient(t, fake, codemagic.Config{})
			start(t, client, test.builds)
			before := fake.Builds()
			fake.SetFaults(arriving(func(n int) { start(t, client, n) }, test.arrive...))
			got, err := client.Builds(t.Context(), codemagic.Filter{AppID: app})
			if err != nil {
				t.Fatal(err)
			}
			times := map[string]int{}
			for _, b := range got {
				times[b.ID]++
			}
			for _, b := range before {
				if n := times[b.ID]; n > 1 || n == 0 && !test.partial {
					t.Errorf("build %s is there %d times", b.ID, n)
				}
			}
			if calls := fake.Calls()["GET /builds"]; calls != test.pages {
				t.Errorf("it took %d requests, want %d", calls, test.pages)
			}
		})
	}
}

// list answers with builds of these ids.
func list(ids ...string) *fakehttp.Fault {
	builds := []map[string]string{}
	for _, id := range ids {
		builds = append(builds, map[string]string{"_id": id})
	}
	body, _ := json.Marshal(map[string]any{"builds": builds})
	return &fakehttp.Fault{Status: 200, Body: string(body)}
}

// An answer that lags behind the one before it lacks the newest builds, and so begins further on.
func TestPagesThatDoNotMeetAreAnError(t *testing.T) {
	first := list("9", "8", "7", "6", "5", "4", "3", "2")
	for name, test := range map[string]struct {
		second *fakehttp.Fault
		want   int
	}{
		"as it should be":    {list("3", "2", "1"), 9},
		"one behind":         {list("2", "1"), 9},
		"two behind":         {list("1"), 0},
		"far behind":         {list(), 0},
		"another list":       {list("x", "y"), 0},
		"meets in its midst": {list("x", "2", "1"), 10},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFake(codemagictest.Config{})
			answers := []*fakehttp.Fault{first, test.second, list("1")}
			fake.SetFaults(func(string, *http.Request) *fakehttp.Fault {
				a := answers[0]
				answers = answers[min(1, len(answers)-1):]
				return a
			})
			got, err := newClient(t, fake, codemagic.Config{}).Builds(t.Context(), codemagic.Filter{})
			if len(got) != test.want || (err == nil) != (test.want > 0) || err != nil && !errors.Is(err, provisioner.ErrUnavailable) {
				t.Errorf("builds %v, error %v, want %d", got, err, test.want)
			}
		})
	}
}

func TestSoManyBuildsThatPagesDoNotMeetAreAnError(t *testing.T) {
	fake := newFake(codemagictest.Config{PageSize: 10})
	client := newClient(t, fake, codemagic.Config{})
	start(t, client, 40)
	fake.SetFaults(arriving(func(n int) { start(t, client, n) }, 0, 35))
	if got, err := client.Builds(t.Context(), codemagic.Filter{}); !errors.Is(err, provisioner.ErrUnavailable) || got != nil {
		t.Errorf("builds %v, error %v", got, err)
	}
	if got, err := client.Builds(t.Context(), codemagic.Filter{}); err != nil || len(got) != 75 {
		t.Errorf("%d builds, error %v of the next list", len(got), err)
	}
}

func TestAPageThatFailsFailsTheList(t *testing.T) {
	for name, test := range map[string]struct {
		fault fakehttp.Fault
		is    error
	}{
		"skip is refused":      {fakehttp.Fault{Status: 400}, provisioner.ErrRefused},
		"the server fails":     {fakehttp.Fault{Status: 502}, provisioner.ErrUnavailable},
		"the answer is broken": {fakehttp.Fault{Status: 200, Body: `{}`}, provisioner.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(codemagictest.Config{PageSize: 10})
				client := newClient(t, fake, codemagic.Config{})
				start(t, client, 30)
				fake.SetFaults(func(_ string, r *http.Request) *fakehttp.Fault {
					if r.URL.Query().Get("skip") != "14" {
						return nil
					}
					return &test.fault
				})
				if got, err := client.Builds(t.Context(), codemagic.Filter{}); !errors.Is(err, test.is) || got != nil {
					t.Errorf("builds %v, error %v, want %v", got, err, test.is)
				}
			})
		})
	}
}

func TestAListWithoutAnEndIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(codemagictest.Config{PageSize: 4})
		client := newClient(t, fake, codemagic.Config{})
		start(t, client, 601) // 3 more with each page
		if got, err := client.Builds(t.Context(), codemagic.Filter{}); err == nil || !strings.Contains(err.Error(), "within 200 pages") || got != nil {
			t.Errorf("%d builds, error %v", len(got), err)
		}
		if calls := fake.Calls()["GET /builds"]; calls != 200 {
			t.Errorf("%d pages", calls)
		}
	})
}

func TestPagesOfOldBuildsAreNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(codemagictest.Config{PageSize: 10})
		client := newClient(t, fake, codemagic.Config{})
		start(t, client, 100)
		time.Sleep(time.Hour)
		since := time.Now()
		start(t, client, 15)
		got, err := client.Builds(t.Context(), codemagic.Filter{Since: since})
		if calls := fake.Calls()["GET /builds"]; err != nil || calls != 4 || len(got) < 15 {
			t.Errorf("%d builds on %d pages, error %v, want the young ones on 3 pages and one of old ones", len(got), calls, err)
		}
		fake.SetFaults(func(operation string, r *http.Request) *fakehttp.Fault { return oldestFirst(t, fake, operation, r) })
		if got, err := client.Builds(t.Context(), codemagic.Filter{Since: since}); err != nil || len(got) != 115 {
			t.Errorf("%d builds, error %v of a list that begins with the oldest", len(got), err)
		}
	})
}

func TestOnlyABuildWhoseAgeIsKnownIsOld(t *testing.T) {
	for name, test := range map[string]struct {
		build string
		pages int
	}{
		"created":        {`"createdAt": "2020-09-08T07:00:00.000+0000"`, 1},
		"started":        {`"createdAt": null, "startedAt": "2020-09-08T07:00:00.000+0000"`, 1},
		"created lately": {`"createdAt": "2020-09-08T09:00:00.000+0000", "startedAt": "2020-09-08T07:00:00.000+0000"`, 2},
		"no time":        {`"createdAt": "soon"`, 2},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFake(codemagictest.Config{})
			fake.SetFaults(always("GET /builds", fakehttp.Fault{Status: 200, Body: `{"builds": [{"_id": "1", ` + test.build + `}]}`}))
			client := newClient(t, fake, codemagic.Config{})
			_, err := client.Builds(t.Context(), codemagic.Filter{Since: time.Date(2020, 9, 8, 8, 0, 0, 0, time.UTC)})
			if calls := fake.Calls()["GET /builds"]; err != nil || calls != test.pages {
				t.Errorf("%d pages, error %v, want %d", calls, err, test.pages)
			}
		})
	}
}

// oldestFirst answers a list in an order that the API might have too.
func oldestFirst(t *testing.T, fake *codemagictest.Server, operation string, r *http.Request) *fakehttp.Fault {
	skip, _ := strconv.Atoi(r.URL.Query().Get("skip"))
	if operation != "GET /builds" {
		return nil
	}
	builds := []map[string]any{}
	for i, b := range fake.Builds() {
		builds = append(builds, map[string]any{"_id": b.ID, "createdAt": b.CreatedAt.Add(time.Duration(i) * time.Second)})
	}
	builds = builds[min(skip, len(builds)):]
	body, err := json.Marshal(map[string]any{"builds": builds[:min(10, len(builds))]})
	if err != nil {
		t.Error(err)
	}
	return &fakehttp.Fault{Status: 200, Body: string(body)}
}

func TestPagesAreAskedToBeLongUnlessThatIsRefused(t *testing.T) {
	for name, status := range map[string]int{"as it is": 0, "refused": 400, "refused otherwise": 422} {
		t.Run(name, func(t *testing.T) {
			fake := newFake(codemagictest.Config{})
			client := newClient(t, fake, codemagic.Config{})
			start(t, client, 40)
			var asked []string
			fake.SetFaults(func(_ string, r *http.Request) *fakehttp.Fault {
				asked = append(asked, r.URL.RawQuery)
				if status == 0 || r.URL.Query().Get("limit") == "" {
					return nil
				}
				return &fakehttp.Fault{Status: status}
			})
			got, err := client.Builds(t.Context(), codemagic.Filter{})
			if err != nil || len(got) != 40 {
				t.Errorf("%d builds, error %v", len(got), err)
			}
			want := []string{"", "limit=100&skip=22", "limit=100&skip=35"}
			if status != 0 {
				want = []string{"", "limit=100&skip=22", "skip=22", "limit=100&skip=35", "skip=35"}
			}
			if !slices.Equal(asked, want) {
				t.Errorf("asked for %q, want %q", asked, want)
			}
		})
	}
}

// A history of a thousand builds is larger than any other answer may be.
func TestALongAnswerIsReadToItsEnd(t *testing.T) {
	builds := []map[string]string{}
	for i := range 1000 {
		builds = append(builds, map[string]string{"_id": strconv.Itoa(i), "message": strings.Repeat("x", 2000)})
	}
	body, err := json.Marshal(map[string]any{"builds": builds})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	defer server.Close()
	client, err := codemagic.NewClient(provisioner.NewSecret(token), codemagic.Config{BaseURL: server.URL, Timeout: 5 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := client.Builds(t.Context(), codemagic.Filter{}); err != nil || len(got) != 1000 {
		t.Errorf("%d builds, error %v", len(got), err)
	}
}
