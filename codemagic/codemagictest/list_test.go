package codemagictest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/codemagic/codemagictest"
)

// page returns which builds a list shows, by their number from 1.
func page(t *testing.T, h http.Handler, query string) string {
	t.Helper()
	status, answer := callCodemagic(t, h, "GET", "/builds?"+query, "")
	if status != 200 {
		t.Fatalf("status %d", status)
	}
	var shown []string
	for _, b := range answer["builds"].([]any) {
		id := b.(map[string]any)["_id"].(string)
		n, err := strconv.ParseInt(id[len(id)-12:], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		shown = append(shown, strconv.FormatInt(n, 10))
	}
	return strings.Join(shown, " ")
}

func TestCodemagicListsInPages(t *testing.T) {
	for name, test := range map[string]struct {
		cfg   codemagictest.Config
		query string
		want  string
	}{
		"the newest first":         {codemagictest.Config{PageSize: 3}, "", "7 6 5"},
		"further":                  {codemagictest.Config{PageSize: 3}, "skip=2", "5 4 3"},
		"the last page":            {codemagictest.Config{PageSize: 3}, "skip=5", "2 1"},
		"behind the last page":     {codemagictest.Config{PageSize: 3}, "skip=70", ""},
		"a shorter page":           {codemagictest.Config{PageSize: 3}, "skip=1&limit=2", "6 5"},
		"no longer page":           {codemagictest.Config{PageSize: 3}, "limit=100", "7 6 5"},
		"of one app":               {codemagictest.Config{PageSize: 3}, "appId=a&skip=6", "1"},
		"where skip means nothing": {codemagictest.Config{PageSize: 3, IgnoreSkip: true}, "skip=5", "7 6 5"},
		"all on one page":          {codemagictest.Config{}, "", "7 6 5 4 3 2 1"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := codemagictest.New(test.cfg)
			for range 7 {
				callCodemagic(t, fake, "POST", "/builds", codemagicStart)
			}
			if got := page(t, fake, test.query); got != test.want {
				t.Errorf("builds %q, want %q", got, test.want)
			}
		})
	}
	fake := codemagictest.New(codemagictest.Config{})
	for range 31 {
		callCodemagic(t, fake, "POST", "/builds", codemagicStart)
	}
	if got := strings.Fields(page(t, fake, "")); len(got) != 30 {
		t.Errorf("%d builds on a page, want 30", len(got))
	}
}

func TestCodemagicShiftsPagesWhenABuildComes(t *testing.T) {
	fake := codemagictest.New(codemagictest.Config{PageSize: 2})
	for range 4 {
		callCodemagic(t, fake, "POST", "/builds", codemagicStart)
	}
	first := page(t, fake, "")
	callCodemagic(t, fake, "POST", "/builds", codemagicStart)
	if second := page(t, fake, "skip=2"); first != "4 3" || second != "3 2" {
		t.Errorf("pages %q and %q, want the build 3 twice", first, second)
	}
}

func TestCodemagicShowsNoStartOfABuildThatQueues(t *testing.T) {
	fake := codemagictest.New(codemagictest.Config{Concurrency: 1})
	for range 2 {
		callCodemagic(t, fake, "POST", "/builds", codemagicStart)
	}
	started := func(i int) (created, started any, status any) {
		_, answer := callCodemagic(t, fake, "GET", "/builds", "")
		b := answer["builds"].([]any)[i].(map[string]any)
		return b["createdAt"], b["startedAt"], b["status"]
	}
	if created, started, status := started(0); created == nil || started != nil || status != "queued" {
		t.Errorf("a build in the queue is %v, created %v, started %v", status, created, started)
	}
	fake.Finish(fake.Builds()[0].ID, "finished")
	if _, started, status := started(0); started == nil || status != "building" {
		t.Errorf("a build with a place is %v, started %v", status, started)
	}
}
