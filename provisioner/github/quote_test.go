package github_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

const realToken = "ghp_k3Xv9TqLw2ZrYb7NcHs5MdJf8GpA1uEo4RtK"

// witness notes the credentials that reach a fake GitHub, and has it quote the requests of some
// operations.
type witness struct {
	mu          sync.Mutex
	credentials map[string]bool
}

func (x *witness) faults(quote fakehttp.Quotation, status int, quoted func(operation string) bool) fakehttp.Faults {
	return func(operation string, r *http.Request) *fakehttp.Fault {
		_, credential, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		x.mu.Lock()
		defer x.mu.Unlock()
		x.credentials[credential] = true
		if !quoted(operation) {
			return nil
		}
		return &fakehttp.Fault{Status: status, Quote: quote.Quote}
	}
}

func TestAServerThatQuotesTheRequestTellsNoCredential(t *testing.T) {
	asks := func(t *testing.T, c *github.Client) []error {
		j := provisioner.Job{ID: 1, RunAttempt: 1, Repository: shop}
		_, _, registering := c.Register(t.Context(), registration(repo))
		_, looking := c.Lookup(t.Context(), repo, "grp-x-1-1")
		_, asking := c.JobState(t.Context(), j)
		_, downloading := c.RunnerDownload(t.Context(), repo, "linux", "x64")
		return []error{registering, looking, asking, downloading, c.Remove(t.Context(), repo, 7)}
	}
	for name, c := range map[string]struct {
		cfg    github.Config
		quoted func(operation string) bool
	}{
		"a personal token":     {github.Config{Token: provisioner.NewSecret(realToken)}, func(string) bool { return true }},
		"the App's JWT":        {github.Config{App: testApp()}, func(o string) bool { return strings.HasSuffix(o, "/installation") }},
		"the same for a token": {github.Config{App: testApp()}, func(o string) bool { return strings.HasSuffix(o, "/access_tokens") }},
		"an installation's": {github.Config{App: testApp()}, func(o string) bool {
			return !strings.HasSuffix(o, "/access_tokens") && !strings.HasSuffix(o, "/installation")
		}},
	} {
		for _, quote := range fakehttp.Quotes() {
			for _, status := range []int{401, 403, 500} {
				t.Run(fmt.Sprintf("%s %s %d", name, quote.Name, status), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						fake := githubtest.New(githubtest.Config{AppID: 42})
						fake.AddRepository(repo.Owner, repo.Repo)
						x := &witness{credentials: map[string]bool{}}
						fake.SetFaults(x.faults(quote, status, c.quoted))
						var log bytes.Buffer
						c.cfg.BaseURL, c.cfg.Transport = "http://github.test", fakehttp.Loopback(fake)
						c.cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
						errs := asks(t, newClient(t, c.cfg))
						text := fmt.Sprintf("%+v", errs) + log.String()
						if len(x.credentials) == 0 || errors.Join(errs...) == nil {
							t.Fatal("nothing was sent, or nothing failed")
						}
						for credential := range x.credentials {
							if provisionertest.Shows(text, provisioner.NewSecret(credential)) {
								t.Errorf("the credential %s shows: %s", credential, text)
							}
						}
					})
				})
			}
		}
	}
}

func TestARefusalThatBringsTheConfigurationDoesNotTellIt(t *testing.T) {
	const configuration = "eyIucnVubmVyIjoiZXlKaElqb2lZaUo5In0+/w=="
	for _, message := range []string{configuration, configuration[2:22] + " is half of it", strings.ReplaceAll(configuration, "+", "%2B")} {
		quick(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_ = json.NewEncoder(w).Encode(map[string]any{"message": "made " + message, "encoded_jit_config": configuration})
		}, func(t *testing.T, c *github.Client) {
			_, _, err := c.Register(t.Context(), registration(repo))
			if err == nil || provisionertest.Shows(err.Error(), provisioner.NewSecret(configuration)) || !strings.Contains(err.Error(), "made [redacted]") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What breaks a connection may quote the request too: net/http repeats headers that it can't read.
func TestABrokenAnswerDoesNotTellTheToken(t *testing.T) {
	quote := roundTrip(func(r *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("malformed MIME header line: %s %w", r.Header.Get("Authorization"), errBroken)
	})
	redirect := fakehttp.Loopback(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://%zz/"+r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	for name, transport := range map[string]http.RoundTripper{"a header": quote, "a redirect": redirect} {
		var log bytes.Buffer
		c := newClient(t, github.Config{
			BaseURL: "http://github.test", Token: provisioner.NewSecret(realToken), Transport: transport,
			Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		_, _, err := c.Register(t.Context(), registration(repo))
		text := fmt.Sprintf("%+v %s", err, log.String())
		if !errors.Is(err, provisioner.ErrNoAnswer) || provisionertest.Shows(text, provisioner.NewSecret(realToken)) || !strings.Contains(text, "[redacted]") {
			t.Errorf("%s: %s", name, text)
		}
		if name == "a header" && !errors.Is(err, errBroken) {
			t.Errorf("its cause is lost: %v", err)
		}
	}
}

var errBroken = errors.New("(broken)")

func TestAClientDoesNotShowItsCredentials(t *testing.T) {
	for _, cfg := range []github.Config{{Token: provisioner.NewSecret(realToken)}, {App: testApp()}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			for _, v := range []any{newClient(t, cfg), cfg} {
				s := fmt.Sprintf(verb, v)
				if provisionertest.Shows(s, provisioner.NewSecret(realToken)) || provisionertest.Shows(s, testApp().PrivateKey) {
					t.Errorf("%s tells the credential: %s", verb, s)
				}
			}
		}
	}
}
