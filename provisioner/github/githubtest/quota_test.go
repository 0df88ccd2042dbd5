package githubtest_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
)

func TestGitHubRefusesWhenTheHourIsUsedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, h := newGitHub(t, githubtest.Config{Hourly: 3})
		const call = "GET /repos/octo/shop"
		first := ask(t, h, call, "")
		time.Sleep(20 * time.Minute)
		if a := ask(t, h, call, "", "If-None-Match", first.Header().Get("ETag")); a.Code != http.StatusNotModified {
			t.Fatalf("%d %s", a.Code, a.Body)
		}
		for _, want := range []struct {
			call      string
			status    int
			remaining string
		}{
			{call, 200, "1"}, {"GET /repos/octo/moon", 404, "0"}, {call, 403, "0"}, {"POST " + jitPath, 403, "0"}, {"GET /rate_limit", 200, "0"}, {call, 403, "0"},
		} {
			a := ask(t, h, want.call, "")
			if got := a.Header(); a.Code != want.status || got.Get("X-RateLimit-Remaining") != want.remaining || got.Get("X-RateLimit-Limit") != "3" || got.Get("Retry-After") != "" {
				t.Errorf("%s: %d %v, want %+v", want.call, a.Code, got, want)
			}
			if got, want := a.Header().Get("X-RateLimit-Reset"), fmt.Sprint(time.Now().Add(40*time.Minute).Unix()); got != want {
				t.Errorf("the reset is %s, want %s", got, want)
			}
		}
		if a := ask(t, h, call, "", "If-None-Match", first.Header().Get("ETag")); a.Code != http.StatusForbidden {
			t.Errorf("a question whether it has changed: %d", a.Code)
		}
		g.SetRateLimit(nil)
		if a := ask(t, h, call, ""); a.Code != http.StatusForbidden {
			t.Errorf("no other limit is in force, and the answer is %d", a.Code)
		}
		time.Sleep(40*time.Minute - time.Millisecond)
		if a := ask(t, h, call, ""); a.Code != http.StatusForbidden {
			t.Errorf("a moment before the hour is over: %d", a.Code)
		}
		time.Sleep(time.Millisecond)
		if a := ask(t, h, call, ""); a.Code != http.StatusOK || a.Header().Get("X-RateLimit-Remaining") != "2" {
			t.Errorf("in the next hour: %d, %s remain", a.Code, a.Header().Get("X-RateLimit-Remaining"))
		}
	})
}

func TestGitHubRefusesOnlyWhoseHourIsUsedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, call := newTenants(t, githubtest.Config{Hourly: 4})
		for range 2 {
			call["octo"]()
			call["octo, renewed"]()
		}
		for who, want := range map[string]int{"octo": 403, "octo, renewed": 403, "octo's limits": 200, "acme": 200, "the token": 200, "the App": 200} {
			if a := call[who](); a.Code != want {
				t.Errorf("%s: %d, want %d", who, a.Code, want)
			}
		}
	})
}

func TestGitHubCountsPoints(t *testing.T) {
	const read, write = "GET /repos/octo/shop", "POST " + jitPath
	for name, c := range map[string]struct {
		calls []string // 20 s apart
		peak  int
	}{
		"none":                         {nil, 0},
		"a read":                       {[]string{read}, 1},
		"what is refused for itself":   {[]string{"GET /repos/octo/moon"}, 1},
		"a question for the limit":     {[]string{"GET /rate_limit"}, 1},
		"a registration":               {[]string{write}, 5},
		"a removal":                    {[]string{"DELETE /repos/octo/shop/actions/runners/7"}, 5},
		"a minute":                     {[]string{write, read, read}, 7},
		"more than a minute":           {[]string{read, read, read, read}, 3},
		"the most of any minute":       {[]string{read, write, read, write, read, read}, 11},
		"a wrong credential is nobody": {[]string{"GET /app"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, h := newGitHub(t, githubtest.Config{})
				for _, call := range c.calls {
					body := ""
					if call == write {
						body = fmt.Sprintf(`{"name":"r%d","runner_group_id":1,"labels":["x"]}`, time.Now().Unix())
					}
					ask(t, h, call, body)
					time.Sleep(20 * time.Second)
				}
				if got := g.PeakPoints(""); got != c.peak || g.PeakPoints("octo") != 0 {
					t.Errorf("%d points, want %d; octo's installation has %d", got, c.peak, g.PeakPoints("octo"))
				}
			})
		})
	}
}

func TestGitHubRefusesWhoSpendsTooManyPoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, h := newGitHub(t, githubtest.Config{Points: 12})
		const read, write, remove = "GET /repos/octo/shop", "POST " + jitPath, "DELETE /repos/octo/shop/actions/runners/7"
		tag := ask(t, h, read, "").Header().Get("ETag") // 1 point
		for i, c := range []struct {
			call       string
			after      time.Duration // since the call before
			status     int
			retryAfter string
		}{
			{write, 10 * time.Second, 201, ""},               // 6
			{write, 10 * time.Second, 201, ""},               // 11
			{read, 0, 304, ""},                               // 12
			{write, 500 * time.Millisecond, 403, "50"},       // no room until the first registration is a minute old
			{"GET /rate_limit", 39 * time.Second, 403, "11"}, // which works under no secondary limit
			{read, 500 * time.Millisecond, 403, "10"},        // which would have room
			{write, 10 * time.Second, 201, ""},               // 11
			{read, 0, 304, ""},                               // 12
			{write, 0, 403, "10"},                            // until the second one is as old
			{read, 9999 * time.Millisecond, 403, "1"},
			{write, time.Millisecond, 201, ""},             // 11
			{"GET /rate_limit", 10 * time.Second, 200, ""}, // 12
			{remove, time.Minute, 404, ""},                 // 5
			{remove, time.Second, 404, ""},                 // 10
			{remove, time.Second, 403, "58"},               // and so on
		} {
			time.Sleep(c.after)
			var body string
			if c.call == write {
				body = fmt.Sprintf(`{"name":"r%d","runner_group_id":1,"labels":["x"]}`, i)
			}
			a := ask(t, h, c.call, body, "If-None-Match", tag)
			if got := a.Header().Get("Retry-After"); a.Code != c.status || got != c.retryAfter {
				t.Errorf("%d %s: %d, Retry-After %q, want %d, %q", i, c.call, a.Code, got, c.status, c.retryAfter)
			}
			if a.Code == http.StatusForbidden && a.Header().Get("X-RateLimit-Remaining") == "0" {
				t.Errorf("%d %s: the hour is not used up", i, c.call)
			}
		}
		if got := g.PeakPoints(""); got != 12 {
			t.Errorf("%d points in a minute", got)
		}
		const get = "GET /repos/{owner}/{repo}"
		if n := g.Calls(); n[get] != 5 || n["limited "+get] != 2 || n["limited GET /rate_limit"] != 1 {
			t.Errorf("calls %v", n)
		}
	})
}

func TestGitHubRefusesOnlyWhoSpendsTooManyPoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, call := newTenants(t, githubtest.Config{Points: 16}) // the App has spent 15 for tokens
		for range 16 {
			call["octo"]()
		}
		for who, want := range map[string]int{"octo": 403, "octo, renewed": 403, "octo's limits": 403, "acme": 200, "the token": 200, "the App": 200} {
			if a := call[who](); a.Code != want {
				t.Errorf("%s: %d, want %d", who, a.Code, want)
			}
		}
		if octo, acme, token := g.PeakPoints("octo"), g.PeakPoints("acme"), g.PeakPoints(""); octo != 16 || acme != 1 || token != 1 {
			t.Errorf("octo has spent %d, acme %d and the token %d", octo, acme, token)
		}
	})
}

func TestARequestThatCostsMoreThanTheMinuteHasFitsIntoAnEmptyOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, h := newGitHub(t, githubtest.Config{Points: 1})
		register(t, h, "a", "x")
		if a := ask(t, h, "GET /repos/octo/shop", ""); a.Code != http.StatusForbidden || a.Header().Get("Retry-After") != "60" {
			t.Errorf("%d, Retry-After %s", a.Code, a.Header().Get("Retry-After"))
		}
		time.Sleep(time.Minute)
		register(t, h, "b", "x")
	})
}
