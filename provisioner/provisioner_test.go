package provisioner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
)

func TestNewReportsEveryFault(t *testing.T) {
	_, err := provisioner.New([]provisioner.RunnerType{
		{Name: "a b", Labels: []string{"x"}, Provider: "cloud"},
		{Name: "twice", Labels: []string{"x"}, Provider: "cloud"},
		{Name: "twice", Labels: []string{"x"}, Provider: "nowhere"},
		{Name: "bare", Provider: "cloud", Max: -1, Scope: "planet"},
	}, map[string]provisioner.Provider{"cloud": &provisionertest.ProviderMock{}}, nil, provisioner.Config{})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"no registrar", `"a b"`, `"twice": defined twice`, `no provider "nowhere"`, `"bare": there must be 1 to 99 labels`, "can't be negative", `scope "planet"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

func TestNewReportsLabelsThatAreNone(t *testing.T) {
	_, err := provisioner.New([]provisioner.RunnerType{{Name: "blank", Labels: []string{" "}, Provider: "cloud"}},
		map[string]provisioner.Provider{"cloud": &provisionertest.ProviderMock{}}, &provisionertest.RegistrarMock{}, provisioner.Config{})
	if err == nil || !strings.Contains(err.Error(), `"blank", has no labels`) {
		t.Errorf("error %v", err)
	}
}

func TestTheFirstTypeWhoseLabelsFitServesAJob(t *testing.T) {
	types := []provisioner.RunnerType{
		{Name: "gpu", Labels: []string{"linux", "gpu"}, Provider: "cloud"}, {Name: "linux", Labels: []string{"linux"}, Provider: "cloud"},
	}
	p, err := provisioner.New(types, map[string]provisioner.Provider{"cloud": &provisionertest.ProviderMock{}}, &provisionertest.RegistrarMock{}, provisioner.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if name, ok := p.Match([]string{"LINUX"}); name != "gpu" || !ok {
		t.Errorf("Match = %q, %t", name, ok)
	}
	if got, err := p.TypeFor(provisioner.Job{Labels: []string{"linux", "gpu"}}); err != nil || got.Name != "gpu" || got.MaxLifetime != 6*time.Hour {
		t.Errorf("TypeFor = %+v, %v", got, err)
	}
	if _, err := p.TypeFor(provisioner.Job{Labels: []string{"windows"}}); !errors.Is(err, provisioner.ErrNoRunnerType) {
		t.Errorf("error %v, want %v", err, provisioner.ErrNoRunnerType)
	}
}

func TestAJobThatCantBeToldFromOthersGetsNoMachine(t *testing.T) {
	shop := provisioner.Repository{Owner: "octo", Name: "shop"}
	for name, j := range map[string]provisioner.Job{
		"no id":                {Repository: shop},
		"a negative id":        {ID: -1, Repository: shop},
		"no repository":        {ID: 42},
		"a repository's owner": {ID: 42, Repository: provisioner.Repository{Owner: "octo"}},
		"a repository's name":  {ID: 42, Repository: provisioner.Repository{Name: "shop"}},
	} {
		t.Run(name, func(t *testing.T) {
			j.Labels = []string{"x"}
			// The doubles panic when they are called.
			p, err := provisioner.New([]provisioner.RunnerType{{Name: "x", Labels: []string{"x"}, Provider: "cloud"}},
				map[string]provisioner.Provider{"cloud": &provisionertest.ProviderMock{}}, &provisionertest.RegistrarMock{}, provisioner.Config{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Provision(t.Context(), j); !errors.Is(err, provisioner.ErrInvalidJob) || provisioner.Class(err) != "invalid_job" {
				t.Errorf("error %v, want %v", err, provisioner.ErrInvalidJob)
			}
		})
	}
}

func TestPlan(t *testing.T) {
	plans := func(p provisioner.Provider) (provisioner.Plan, error) {
		e, err := provisioner.New([]provisioner.RunnerType{{Name: "x", Labels: []string{"x"}, Provider: "cloud"}},
			map[string]provisioner.Provider{"cloud": p}, &provisionertest.RegistrarMock{}, provisioner.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return e.Plan(t.Context(), provisioner.Job{ID: 1, Labels: []string{"X"}})
	}
	t.Run("a provider that can't plan is said to", func(t *testing.T) {
		p, err := plans(&provisionertest.ProviderMock{})
		if err != nil || p.Verified || p.UnverifiedBecause == "" || p.RunnerName != "grp-x-1-1" {
			t.Errorf("plan %+v, %v", p, err)
		}
	})
	planner := func(f func(provisioner.Launch) (provisioner.ProviderPlan, error)) provisioner.Provider {
		return struct {
			*provisionertest.ProviderMock
			*provisionertest.PlannerMock
		}{
			&provisionertest.ProviderMock{},
			&provisionertest.PlannerMock{PlanFunc: func(_ context.Context, l provisioner.Launch) (provisioner.ProviderPlan, error) { return f(l) }},
		}
	}
	t.Run("the provider's plan is asked for with a configuration of realistic size and no registration", func(t *testing.T) {
		p, err := plans(planner(func(l provisioner.Launch) (provisioner.ProviderPlan, error) {
			if l.Runner.ID != 0 || len(l.JITConfig.Reveal()) < 4096 || l.Type.MaxLifetime != 6*time.Hour || l.Type.BootDeadline != 5*time.Minute {
				t.Errorf("launch %+v", l)
			}
			return provisioner.ProviderPlan{Request: "r", Verified: true}, nil
		}))
		if err != nil || !p.Verified || p.Request != "r" || p.Provider != "cloud" || p.RunnerType != "x" {
			t.Errorf("plan %+v, %v", p, err)
		}
	})
	t.Run("a provider's error is the plan's", func(t *testing.T) {
		if _, err := plans(planner(func(provisioner.Launch) (provisioner.ProviderPlan, error) {
			return provisioner.ProviderPlan{}, provisioner.ErrRefused
		})); !errors.Is(err, provisioner.ErrRefused) {
			t.Errorf("error %v", err)
		}
	})
}

func TestClass(t *testing.T) {
	for want, err := range map[string]error{
		"rate_limit": fmt.Errorf("x: %w", &provisioner.RetryAfterError{After: time.Second, Err: provisioner.ErrRefused}),
		"capacity":   fmt.Errorf("x: %w", provisioner.ErrCapacity), "refused": provisioner.ErrRefused, "no_answer": provisioner.ErrNoAnswer,
		"unavailable": provisioner.ErrUnavailable, "stopped": context.Canceled, "timeout": context.DeadlineExceeded, "no_runner_type": provisioner.ErrNoRunnerType,
		"other": errors.New("x"),
	} {
		if got := provisioner.Class(err); got != want {
			t.Errorf("Class(%v) = %s, want %s", err, got, want)
		}
	}
}

func TestProvisionReportsItsSteps(t *testing.T) {
	var kinds []string
	s := script{register: []any{int64(7)}, launch: []any{provisioner.ErrCapacity}, remove: []any{nil}}
	_, _ = s.engine(t, observer(func(e provisioner.Event) {
		if e.RunnerType != "ubuntu-arm64" || e.Provider != "cloud" || e.Job.ID != job.ID {
			t.Errorf("event %+v lacks its type, provider or job", e)
		}
		kinds = append(kinds, string(e.Kind))
	})).Provision(t.Context(), job)
	if got := strings.Join(kinds, " "); got != "registered undone failed" {
		t.Errorf("events %s", got)
	}
}

type observer func(provisioner.Event)

func (o observer) Observe(_ context.Context, e provisioner.Event) { o(e) }
