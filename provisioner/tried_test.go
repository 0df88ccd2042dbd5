package provisioner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
)

// TestEachPlaceWithoutRoomIsReported has a provider that goes from place to place.
func TestEachPlaceWithoutRoomIsReported(t *testing.T) {
	full := func(at string) error { return fmt.Errorf("%s: sold out: %w", at, provisioner.ErrCapacity) }
	for name, c := range map[string]struct {
		full []string
		room string
		want string
	}{
		"the first has room": {nil, "a", "registered, launched at a"},
		"the third has room": {[]string{"a", "b"}, "c", "registered, tried at a: sold out, tried at b: sold out, launched at c"},
		"none has room":      {[]string{"a", "b"}, "", "registered, tried at a: sold out, tried at b: sold out, undone, failed"},
	} {
		t.Run(name, func(t *testing.T) {
			provider := &provisionertest.ProviderMock{LaunchFunc: func(_ context.Context, l provisioner.Launch) (provisioner.Machine, error) {
				for _, at := range c.full {
					l.Full(at, full(at))
				}
				if c.room == "" {
					return provisioner.Machine{}, provisioner.ErrCapacity
				}
				return provisioner.Machine{ID: "i-1", Place: c.room}, nil
			}}
			registrar := &provisionertest.RegistrarMock{
				RegisterFunc: func(_ context.Context, r provisioner.Registration) (provisioner.Runner, provisioner.Secret, error) {
					return provisioner.Runner{ID: 7, Name: r.Name}, provisioner.NewSecret("jit"), nil
				},
				RemoveFunc: func(context.Context, provisioner.Target, int64) error { return nil },
			}
			var got []string
			hear := observer(func(e provisioner.Event) {
				s := string(e.Kind)
				if e.Place != "" {
					s += " at " + e.Place
				}
				if e.Kind == provisioner.EventTried {
					s += strings.TrimPrefix(provisioner.ReasonOf(e.Err, provisioner.RunnerType{}).Detail, e.Place)
				}
				if e.Job.ID != job.ID || e.RunnerType != "x" || e.Provider != "cloud" || (e.Kind == provisioner.EventTried) != (e.Kind != provisioner.EventFailed && errors.Is(e.Err, provisioner.ErrCapacity)) && e.Kind != provisioner.EventUndone {
					t.Errorf("event %+v", e)
				}
				if e.Kind == provisioner.EventTried && (e.Runner.ID != 7 || e.Runner.Name == "") || e.Kind == provisioner.EventLaunched && e.Machine.Place != e.Place {
					t.Errorf("%s: runner %+v, machine %+v", e.Kind, e.Runner, e.Machine)
				}
				got = append(got, s)
			})
			p, err := provisioner.New([]provisioner.RunnerType{{Name: "x", Labels: []string{"ubuntu-arm64"}, Provider: "cloud"}},
				map[string]provisioner.Provider{"cloud": provider}, registrar, provisioner.Config{Observer: hear})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Provision(t.Context(), job); (err == nil) != (c.room != "") {
				t.Error(err)
			}
			if all := strings.Join(got, ", "); all != c.want {
				t.Errorf("events %s\nwant   %s", all, c.want)
			}
		})
	}
}

// A provider's tests, and its conformance suite, launch without an engine.
func TestALaunchThatNobodyObservesMayTellOfFullPlaces(*testing.T) {
	provisioner.Launch{}.Full("a", provisioner.ErrCapacity)
}
