package codemagic_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/codemagic/codemagictest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// net/http quotes headers that it can't read.
func TestABrokenAnswerDoesNotTellTheToken(t *testing.T) {
	client, err := codemagic.NewClient(provisioner.NewSecret(token), codemagic.Config{BaseURL: "http://codemagic.test", Transport: broken{}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.StartBuild(t.Context(), codemagic.StartRequest{AppID: app, Secrets: map[string]provisioner.Secret{"A": jit}})
	text := fmt.Sprintf("%+v", err)
	if !errors.Is(err, provisioner.ErrNoAnswer) || !errors.Is(err, io.ErrUnexpectedEOF) || provisionertest.Shows(text, jit) || strings.Contains(text, token) {
		t.Errorf("got %s", text)
	}
}

type broken struct{}

func (broken) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	return nil, errors.Join(fmt.Errorf("malformed MIME header line: %s %s: %w", r.Header.Get("X-Auth-Token"), body, io.ErrUnexpectedEOF), err)
}

func TestACodemagicThatQuotesTheRequestTellsNothingOfIt(t *testing.T) {
	for _, quote := range fakehttp.Quotes() {
		for _, from := range []string{"", "JITCONFIG", "X-Auth-Token"} { // an error has room for one of them
			for _, status := range []int{400, 429, 500} {
				t.Run(fmt.Sprintf("%s, from %q on, %d", quote.Name, from, status), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						fake, quoted := newFake(codemagictest.Config{}), false
						fake.SetFaults(func(string, *http.Request) *fakehttp.Fault {
							return &fakehttp.Fault{Status: status, Quote: func(request string) string {
								i := max(strings.Index(request, from), 0)
								quoted = quoted || i > 0 || from == ""
								return quote.Quote(request[i:])
							}}
						})
						var log bytes.Buffer
						cfg := codemagic.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
						p := newProvider(t, fake, cfg)
						_, launching := p.Launch(within(t, time.Minute), launch(42))
						_, listing := p.List(t.Context())
						ending := p.Terminate(t.Context(), provisioner.Machine{ID: "5fabc6414c48000000000001"})
						plan, planning := p.Plan(t.Context(), launch(42))
						shown, _ := json.Marshal(plan)
						text := fmt.Sprintf("%+v\n%s\n%s", []error{launching, listing, ending, planning}, shown, log.String())
						if launching == nil || listing == nil || ending == nil || !quoted {
							t.Fatalf("nothing failed, or nothing was quoted: %.900s", text)
						}
						for _, e := range []error{launching, listing, ending} {
							if told, ok := errors.AsType[*codemagic.Error](e); ok {
								text += told.Message
							}
						}
						for name, s := range map[string]provisioner.Secret{"the configuration": jit, "the token": provisioner.NewSecret(token)} {
							if provisionertest.Shows(text, s) {
								t.Errorf("%s shows: %.900s", name, text)
							}
						}
					})
				})
			}
		}
	}
}

func TestAClientDoesNotShowItsToken(t *testing.T) {
	c := newClient(t, http.NotFoundHandler(), codemagic.Config{})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, v := range []any{c, *c, newProvider(t, http.NotFoundHandler(), codemagic.Config{})} {
			if s := fmt.Sprintf(verb, v); provisionertest.Shows(s, provisioner.NewSecret(token)) {
				t.Errorf("%s tells the token: %s", verb, s)
			}
		}
	}
}
