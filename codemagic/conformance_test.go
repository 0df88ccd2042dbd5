package codemagic_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/codemagic/codemagictest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

func TestTheProviderConforms(t *testing.T) {
	for name, lag := range map[string]time.Duration{"lists that do not lag": 0, "lists that lag": 4 * time.Second, "lists that lag long": time.Minute} {
		t.Run(name, func(t *testing.T) {
			provisionertest.TestProvider(t, func(t *testing.T) provisionertest.Harness { return newHarness(t, lag) })
		})
	}
}

// harness is a provider and the fake Codemagic behind it.
type harness struct {
	fake     *codemagictest.Server
	provider *codemagic.Provider
	lag      time.Duration
	log      bytes.Buffer // the handler that writes to it has a lock, and it is read after the last launch

	lose, drop, throttle, refuse, quote, exhaust, lists *provisionertest.Fault
	quotation                                           func(request string) string
}

func newHarness(t *testing.T, lag time.Duration) *harness {
	h := &harness{quotation: fakehttp.InTurn(), fake: newFake(codemagictest.Config{ListLag: lag, Concurrency: 3, PageSize: 5}), lag: lag}
	h.fake.SetFaults(h.fault)
	logger := slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.provider = newProvider(t, h.fake, codemagic.Config{Logger: logger, Downloads: releases{found: release}})
	return h
}

func (h *harness) Provider() provisioner.Provider { return h.provider }
func (h *harness) Type() provisioner.RunnerType   { return macs }
func (h *harness) End(machineID string)           { h.fake.Finish(machineID, "finished") }
func (h *harness) Log() string                    { return h.log.String() }
func (h *harness) Idempotent() bool               { return false }
func (h *harness) ListLag() time.Duration         { return h.lag }

// Machines reads the builds' labels by position, so that a misreading of the provider does not
// hide.
func (h *harness) Machines() (machines []provisionertest.CloudMachine) {
	for _, b := range h.fake.Builds() {
		owner, name, _ := strings.Cut(strings.TrimPrefix(b.Labels[3], "repository-"), "/")
		m := provisioner.Machine{
			ID: b.ID, Provider: codemagic.Name, Type: strings.TrimPrefix(b.Labels[4], "type-"), Repository: provisioner.Repository{Owner: owner, Name: name},
			Job: number(b.Labels[2], "job-"), RunnerName: b.Labels[0], RunnerID: number(b.Labels[1], "runner-"), State: provisioner.MachineAlive,
			LaunchedAt: b.CreatedAt,
		}
		if b.Over() {
			m.State = provisioner.MachineEnded
		}
		machines = append(machines, provisionertest.CloudMachine{Machine: m, Given: b.Variables["ACTIONS_RUNNER_INPUT_JITCONFIG"]})
	}
	return machines
}

func number(label, prefix string) int64 {
	n, err := strconv.ParseInt(strings.TrimPrefix(label, prefix), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func (h *harness) LoseAnswers(f *provisionertest.Fault) { h.lose = f }
func (h *harness) DropCalls(f *provisionertest.Fault)   { h.drop = f }
func (h *harness) Refuse(f *provisionertest.Fault)      { h.refuse = f }
func (h *harness) Quote(f *provisionertest.Fault)       { h.quote = f }
func (h *harness) Exhaust(f *provisionertest.Fault)     { h.exhaust = f }
func (h *harness) Throttle(f *provisionertest.Fault)    { h.throttle = f }
func (h *harness) FailLists(f *provisionertest.Fault)   { h.lists = f }

func (h *harness) fault(operation string, _ *http.Request) *fakehttp.Fault {
	switch operation {
	case "POST /builds":
		return h.startFault()
	case "GET /builds":
		if h.lists.Hit() {
			return &fakehttp.Fault{Status: http.StatusBadGateway}
		}
	case "GET /apps/{id}": // what Plan asks
		switch {
		case h.drop.Hit():
			return &fakehttp.Fault{Drop: true}
		case h.refuse.Hit():
			return &fakehttp.Fault{Status: http.StatusForbidden}
		case h.quote.Hit():
			return &fakehttp.Fault{Quote: h.quotation}
		}
	}
	return nil
}

func (h *harness) startFault() *fakehttp.Fault {
	switch {
	case h.lose.Hit():
		return &fakehttp.Fault{Lose: true}
	case h.drop.Hit():
		return &fakehttp.Fault{Drop: true}
	case h.throttle.Hit():
		return &fakehttp.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Ratelimit-Reset": {"30"}}}
	case h.refuse.Hit():
		return &fakehttp.Fault{Status: http.StatusForbidden, Body: `{"error": "forbidden", "message": "no access to the app"}`}
	case h.quote.Hit():
		return &fakehttp.Fault{Quote: h.quotation}
	case h.exhaust.Hit():
		return &fakehttp.Fault{Status: http.StatusForbidden, Body: `{"error": "forbidden", "message": "build concurrency limit reached"}`}
	}
	return nil
}
