package github_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
)

var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func testApp() *github.App {
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(appKey())}
	return &github.App{ID: 42, PrivateKey: provisioner.NewSecret(string(pem.EncodeToMemory(block)))}
}

// appServer is a GitHub that has the App installed at octo, as installation 5, and hands out the
// tokens ghs_5_1, ghs_5_2, ...
type appServer struct {
	*server
	tokens atomic.Int32
}

func serveApp(t *testing.T, routes map[string]http.HandlerFunc) *appServer {
	t.Helper()
	a := &appServer{}
	all := map[string]http.HandlerFunc{
		"GET /repos/octo/{repo}/installation": byApp(t, func(w http.ResponseWriter, r *http.Request) { answer(w, r, object{"id": 5}) }),
		"GET /orgs/octo/installation":         byApp(t, func(w http.ResponseWriter, r *http.Request) { answer(w, r, object{"id": 5}) }),
		"POST /app/installations/5/access_tokens": byApp(t, func(w http.ResponseWriter, r *http.Request) {
			var body object
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body == nil {
				t.Errorf("the request for a token has no object for a body: %v", err)
			}
			answer(w, r, object{"token": fmt.Sprint("ghs_5_", a.tokens.Add(1)), "expires_at": time.Now().Add(time.Hour)})
		}),
	}
	maps.Copy(all, routes)
	a.server = serve(t, all)
	return a
}

// byApp serves only requests that the App has signed.
func byApp(t *testing.T, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := checkJWT(r.Header.Get("Authorization")); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
			fail(w, 401, "A JSON web token could not be decoded")
			return
		}
		h(w, r)
	}
}

func checkJWT(header string) error {
	parts := strings.Split(strings.TrimPrefix(header, "Bearer "), ".")
	if len(parts) != 3 {
		return fmt.Errorf("%d parts", len(parts))
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(&appKey().PublicKey, crypto.SHA256, sum[:], signature); err != nil {
		return err
	}
	var claims struct {
		Iss      string
		Iat, Exp int64
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &claims); err != nil {
		return err
	}
	if now := time.Now().Unix(); claims.Iss != "42" || claims.Iat > now || claims.Exp <= now || claims.Exp-claims.Iat > 600 {
		return fmt.Errorf("claims %+v", claims)
	}
	return nil
}

func (a *appServer) client(t *testing.T) *github.Client {
	t.Helper()
	return a.server.client(t, github.Config{App: testApp()})
}

func TestAnAppActsAsTheInstallationThatHasTheRepository(t *testing.T) {
	t.Parallel()
	a := serveApp(t, map[string]http.HandlerFunc{
		"GET /orgs/octo/actions/runners/7": func(w http.ResponseWriter, r *http.Request) { answer(w, r, runner(7, "a", "online", false)) },
		reading: func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Authorization"); got != "Bearer ghs_5_1" {
				t.Errorf("authorization %q", got)
			}
			answer(w, r, runner(7, "a", "online", false))
		},
	})
	c := a.client(t)
	var wg sync.WaitGroup
	for _, target := range []provisioner.Target{repo, org, repo, org, repo} {
		wg.Go(func() {
			if _, err := c.Runner(t.Context(), target, 7); err != nil {
				t.Errorf("%s: %v", target, err)
			}
		})
	}
	wg.Wait()
	for request, want := range map[string]int{
		"GET /repos/octo/shop/installation": 1, "GET /orgs/octo/installation": 1, "POST /app/installations/5/access_tokens": 1,
	} {
		if n := a.count(request); n != want {
			t.Errorf("%s: %d times, want %d", request, n, want)
		}
	}
}

func TestAnAppThatIsNotInstalledIsRefused(t *testing.T) {
	t.Parallel()
	a := serveApp(t, map[string]http.HandlerFunc{
		"GET /repos/octo/{repo}/installation": func(w http.ResponseWriter, _ *http.Request) { fail(w, 404, "Not Found") },
	})
	_, _, err := a.client(t).Register(t.Context(), registration(repo))
	outcome{is: provisioner.ErrRefused, message: "the App is not installed at octo/shop"}.check(t, err)
}

func TestWhyAnInstallationHasNoToken(t *testing.T) {
	t.Parallel()
	const asking = "POST /app/installations/5/access_tokens"
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   outcome
	}{
		"the key is wrong": {
			func(w http.ResponseWriter, _ *http.Request) { fail(w, 401, "A JSON web token could not be decoded") },
			outcome{is: provisioner.ErrRefused, message: "get the installation's token: GitHub answered 401: A JSON web token"},
		},
		"the installation is suspended": {
			func(w http.ResponseWriter, _ *http.Request) { fail(w, 403, "This installation has been suspended") },
			outcome{is: provisioner.ErrRefused, message: "suspended"},
		},
		"the App was uninstalled": {
			func(w http.ResponseWriter, _ *http.Request) { fail(w, 404, "Not Found") }, outcome{is: provisioner.ErrRefused},
		},
		"GitHub fails":          {func(w http.ResponseWriter, _ *http.Request) { fail(w, 502, "Bad Gateway") }, outcome{is: provisioner.ErrUnavailable}},
		"the connection breaks": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, outcome{is: provisioner.ErrUnavailable}},
		"a page instead": {
			func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, outcome{is: provisioner.ErrUnavailable},
		},
		"an empty answer": {func(w http.ResponseWriter, r *http.Request) { answer(w, r, object{}) }, outcome{is: provisioner.ErrUnavailable}},
		"a rate limit": {
			func(w http.ResponseWriter, _ *http.Request) { fail(w, 429, "Slow down", "Retry-After", "33") }, outcome{after: 33 * time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serveApp(t, map[string]http.HandlerFunc{asking: c.answer})
			_, _, err := a.client(t).Register(t.Context(), registration(repo)) // never sent, so there is no doubt about its effect
			c.want.check(t, err)
			if n := a.count(registering); n != 0 {
				t.Errorf("%d registrations were sent", n)
			}
		})
	}
}

func TestARefusedTokenIsReplaced(t *testing.T) {
	t.Parallel()
	a := serveApp(t, map[string]http.HandlerFunc{reading: func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer ghs_5_1" {
			fail(w, 401, "Bad credentials")
			return
		}
		answer(w, r, runner(7, "a", "online", false))
	}})
	c := a.client(t)
	_, err := c.Runner(t.Context(), repo, 7)
	outcome{is: provisioner.ErrRefused}.check(t, err)
	if _, err := c.Runner(t.Context(), repo, 7); err != nil || a.tokens.Load() != 2 || a.count("GET /repos/octo/shop/installation") != 2 {
		t.Errorf("after %d tokens: %v", a.tokens.Load(), err)
	}
}

func TestALimitOfOneInstallationDoesNotHoldBackAnother(t *testing.T) {
	t.Parallel()
	a := serveApp(t, map[string]http.HandlerFunc{
		reading:                             func(w http.ResponseWriter, _ *http.Request) { fail(w, 429, "Slow down", "Retry-After", "60") },
		"GET /repos/hexa/bees/installation": func(w http.ResponseWriter, r *http.Request) { answer(w, r, object{"id": 6}) },
		"POST /app/installations/6/access_tokens": func(w http.ResponseWriter, r *http.Request) {
			answer(w, r, object{"token": "ghs_6", "expires_at": time.Now().Add(time.Hour)})
		},
		"GET /repos/hexa/bees/actions/runners/7": func(w http.ResponseWriter, r *http.Request) {
			limits(w, "core", 12500, 12, time.Now().Add(time.Hour))
			answer(w, r, runner(7, "a", "online", false))
		},
	})
	c := a.client(t)
	for range 2 {
		_, err := c.Runner(t.Context(), repo, 7)
		outcome{after: 60 * time.Second}.check(t, err)
	}
	if n := a.count(reading); n != 1 {
		t.Errorf("%d requests while the limit lasts", n)
	}
	if _, err := c.Runner(t.Context(), provisioner.Target{Owner: "hexa", Repo: "bees"}, 7); err != nil {
		t.Error(err)
	}
	if q := c.Quota(); q.Limit != 12500 || q.Remaining != 12 || q.Requests != 6 {
		t.Errorf("the quota is not that of the installation with the least left: %+v", q)
	}
	if q := c.QuotaAt(provisioner.Target{Owner: "hexa", Repo: "bees"}); q.Limit != 12500 || q.Remaining != 12 {
		t.Errorf("the quota of its own repository: %+v", q)
	}
	for _, elsewhere := range []provisioner.Target{repo, {Owner: "never", Repo: "asked"}} {
		if q := c.QuotaAt(elsewhere); q.Limit != 0 {
			t.Errorf("the quota of %s, of which GitHub has said nothing: %+v", elsewhere, q)
		}
	}
}

func TestAnAppKnowsItsRepositories(t *testing.T) {
	t.Parallel()
	all := []object{{"name": "old", "owner": object{"login": "octo"}, "archived": true}, {"name": "gone", "owner": object{"login": "octo"}, "disabled": true}}
	var want []provisioner.Repository
	for i := range 130 {
		name := fmt.Sprint("repo-", i)
		all = append(all, object{"name": name, "owner": object{"login": "octo"}})
		want = append(want, provisioner.Repository{Owner: "octo", Name: name})
	}
	var broken atomic.Bool
	a := serveApp(t, map[string]http.HandlerFunc{
		"GET /app/installations": byApp(t, func(w http.ResponseWriter, r *http.Request) {
			list := []object{
				{"id": 4, "account": object{"login": "asleep"}, "suspended_at": "2026-11-01T00:00:00Z"}, {"id": 5, "account": object{"login": "octo"}, "suspended_at": nil},
			}
			if broken.Load() {
				list = append(list, object{"id": 6, "account": object{"login": "hexa"}})
			}
			answer(w, r, list)
		}),
		"POST /app/installations/6/access_tokens": func(w http.ResponseWriter, _ *http.Request) { fail(w, 403, "no") },
		"GET /installation/repositories": func(w http.ResponseWriter, r *http.Request) {
			answer(w, r, object{"total_count": len(all), "repositories": paged(w, r, all)})
		},
		"GET /repos/octo/repo-129/actions/runners/7": func(w http.ResponseWriter, r *http.Request) { answer(w, r, runner(7, "a", "online", false)) },
	})
	c := a.client(t)
	got, err := c.Repositories(t.Context())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %d repositories: %v", len(got), err)
	}
	if _, err := c.Runner(t.Context(), provisioner.Target{Owner: "octo", Repo: "repo-129"}, 7); err != nil || a.count("GET /repos/octo/repo-129/installation") != 0 {
		t.Errorf("the installation of a listed repository was asked for again: %v", err)
	}
	broken.Store(true)
	got, err = c.Repositories(t.Context())
	if len(got) != len(want) || !errors.Is(err, provisioner.ErrRefused) || !strings.Contains(err.Error(), "installation at hexa") {
		t.Errorf("with one installation out of reach: %d repositories, %v", len(got), err)
	}
}
