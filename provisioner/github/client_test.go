package github_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
)

func TestAllFaultsOfAConfigurationAreToldAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg  github.Config
		want []string
	}{
		"nothing":            {github.Config{}, []string{"neither a token nor an App"}},
		"both":               {github.Config{Token: provisioner.NewSecret("t"), App: &github.App{ID: 1, PrivateKey: provisioner.NewSecret("no key")}}, []string{"both a token and an App", "not an RSA key"}},
		"everything wrong":   {github.Config{Token: provisioner.NewSecret("a b"), BaseURL: "api.github.com", Timeout: -1, App: &github.App{}}, []string{"URL must look like", "negative", "blanks", "id is missing", "not an RSA key"}},
		"a token with a tab": {github.Config{Token: provisioner.NewSecret("ghp_\t")}, []string{"blanks"}},
		"a URL with a name":  {github.Config{Token: provisioner.NewSecret("t"), BaseURL: "https://user:pass@github.test"}, []string{"URL must look like"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := github.New(c.cfg)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			for _, secret := range []string{"a b", "no key", "pass"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q has a secret", err)
				}
			}
		})
	}
}

func TestEnterpriseServerHasItsRootBelowAPath(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]http.HandlerFunc{"GET /api/v3/repos/octo/shop/actions/runners/7": func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, runner(7, "a", "online", false))
	}})
	for _, base := range []string{s.URL + "/api/v3", s.URL + "/api/v3/"} {
		c := newClient(t, github.Config{BaseURL: base, Transport: s.Client().Transport})
		if _, err := c.Runner(t.Context(), repo, 7); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
}

func TestNamesThatAreNoNamesAreNotSent(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]http.HandlerFunc{})
	c := s.client(t, github.Config{})
	for _, target := range []provisioner.Target{{}, {Owner: ".."}, {Owner: "octo", Repo: ".."}, {Owner: "octo/shop"}, {Owner: "octo", Repo: "a?b"}, {Owner: "octo", Repo: "ä"}} {
		_, err := c.Runner(t.Context(), target, 7)
		outcome{is: provisioner.ErrRefused, about: &target}.check(t, err)
	}
	if s.total() != 0 {
		t.Errorf("%d requests were sent", s.total())
	}
}

func ExampleNew() {
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprint(w, `{"runner": {"id": 7, "name": "grp-ubuntu-arm64-1-1", "status": "offline"}, "encoded_jit_config": "eyJ..."}`)
	}))
	defer fake.Close()

	client, err := github.New(github.Config{BaseURL: fake.URL, Token: provisioner.NewSecret("ghp_..."), Transport: fake.Client().Transport})
	if err != nil {
		fmt.Println(err)
		return
	}
	runner, jitConfig, err := client.Register(context.Background(), provisioner.Registration{
		Target: provisioner.Target{Owner: "octo", Repo: "shop"}, Name: "grp-ubuntu-arm64-1-1", Labels: []string{"self-hosted", "ubuntu-arm64"},
	})
	fmt.Println(runner.ID, runner.Name, jitConfig, err)
	// Output: 7 grp-ubuntu-arm64-1-1 [redacted] <nil>
}
