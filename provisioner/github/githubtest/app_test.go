package githubtest_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
)

func TestGitHubHasAnApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, h := newGitHub(t, githubtest.Config{Token: "token", AppID: 42})
		g.AddRepository("octo", "api")
		g.AddRepository("acme", "site")
		app := []string{"Authorization", "Bearer head.claims.signature"}

		list := ask(t, h, "GET /app/installations", "", app...).items(t, "")
		if len(list) != 2 || list[0]["app_id"] != 42.0 || list[1]["account"].(map[string]any)["login"] != "acme" {
			t.Fatalf("installations %v", list)
		}
		for path, want := range map[string]any{
			"/repos/octo/shop/installation": list[0]["id"], "/orgs/octo/installation": list[0]["id"], "/orgs/acme/installation": list[1]["id"],
			"/orgs/moon/installation": nil, "/repos/octo/moon/installation": nil,
		} {
			a := ask(t, h, "GET "+path, "", app...)
			if got := a.decode(t)["id"]; got != want || (a.Code == http.StatusOK) != (want != nil) {
				t.Errorf("%s: %d, installation %v, want %v", path, a.Code, got, want)
			}
		}

		made := ask(t, h, fmt.Sprintf("POST /app/installations/%v/access_tokens", list[0]["id"]), `{}`, app...).decode(t)
		if expires, err := time.Parse(time.RFC3339, made["expires_at"].(string)); err != nil || !expires.Equal(time.Now().Add(time.Hour)) {
			t.Errorf("the token is good until %v, %v", expires, err)
		}
		if a := ask(t, h, "POST /app/installations/99/access_tokens", `{}`, app...); a.Code != http.StatusNotFound {
			t.Errorf("a token of an unknown installation: %d", a.Code)
		}
		installation := []string{"Authorization", "Bearer " + made["token"].(string)}

		var names []any
		for _, r := range ask(t, h, "GET /installation/repositories", "", installation...).items(t, "repositories") {
			names = append(names, r["full_name"])
		}
		if fmt.Sprint(names) != "[octo/api octo/shop]" {
			t.Errorf("the installation has %v", names)
		}
		for call, want := range map[string]int{"GET /repos/octo/shop": 200, "GET /repos/acme/site": 404, "GET /orgs/acme/actions/runners": 404, "GET /app/installations": 401} {
			if a := ask(t, h, call, "", installation...); a.Code != want {
				t.Errorf("%s as an installation: %d, want %d", call, a.Code, want)
			}
		}
		for call, want := range map[string]int{"GET /repos/octo/shop": 401, "GET /installation/repositories": 401} {
			if a := ask(t, h, call, "", app...); a.Code != want {
				t.Errorf("%s as the App: %d, want %d", call, a.Code, want)
			}
		}
		for call, want := range map[string]int{"GET /repos/octo/shop": 200, "GET /installation/repositories": 403, "GET /app/hook/deliveries": 401} {
			if a := ask(t, h, call, ""); a.Code != want {
				t.Errorf("%s with the personal token: %d, want %d", call, a.Code, want)
			}
		}
		time.Sleep(time.Hour)
		if a := ask(t, h, "GET /repos/octo/shop", "", installation...); a.Code != http.StatusUnauthorized {
			t.Errorf("with an expired token: %d", a.Code)
		}
	})
}

func TestGitHubWithoutAnAppHasNoInstallations(t *testing.T) {
	_, h := newGitHub(t, githubtest.Config{})
	for _, call := range []string{"GET /app/installations", "GET /repos/octo/shop/installation", "GET /app/hook/deliveries"} {
		if a := ask(t, h, call, "", "Authorization", "Bearer a.b.c"); a.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d", call, a.Code)
		}
	}
	if a := ask(t, h, "GET /repos/octo/shop", "", "Authorization", "Bearer a.b.c"); a.Code != http.StatusOK {
		t.Errorf("a token that looks like a JWT: %d", a.Code)
	}
}
