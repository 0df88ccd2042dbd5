package provisioner_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
)

// script is a world in which every call is answered by the next of its answers, and noted. The last
// answer stays.
type script struct {
	register []any                         // int64: the id of the new registration; error
	lookup   []any                         // provisioner.Runner; error: of the name of the first generation
	rivals   map[string]provisioner.Runner // of the other generations
	remove   []any                         // nil or error; func(context.Context) error
	state    []any                         // provisioner.JobState; error
	find     []any                         // []provisioner.Machine; error
	launch   []any                         // string: the id of the machine; error

	before func(call string) // happens while a call is under way
	calls  []string
}

func next(answers *[]any) any {
	if len(*answers) == 0 {
		panic("a call that the test does not expect")
	}
	a := (*answers)[0]
	if len(*answers) > 1 {
		*answers = (*answers)[1:]
	}
	return a
}

func (s *script) note(format string, args ...any) {
	call := fmt.Sprintf(format, args...)
	s.calls = append(s.calls, call)
	if s.before != nil {
		s.before(call)
	}
}

func failure(a any) error {
	err, _ := a.(error)
	return err
}

func (s *script) engine(t *testing.T, observer provisioner.Observer) *provisioner.Provisioner {
	t.Helper()
	registrar := &provisionertest.RegistrarMock{
		RegisterFunc: func(_ context.Context, r provisioner.Registration) (provisioner.Runner, provisioner.Secret, error) {
			s.note("register %s", r.Name)
			a := next(&s.register)
			if err := failure(a); err != nil {
				return provisioner.Runner{}, provisioner.Secret{}, err
			}
			return provisioner.Runner{ID: a.(int64), Name: r.Name}, provisioner.NewSecret("jit"), nil
		},
		LookupFunc: func(_ context.Context, _ provisioner.Target, name string) (provisioner.Runner, error) {
			s.note("look up %s", name)
			if name != jobRunner {
				if r, ok := s.rivals[name]; ok {
					return r, nil
				}
				return provisioner.Runner{}, provisioner.ErrNotFound
			}
			a := next(&s.lookup)
			r, _ := a.(provisioner.Runner)
			return r, failure(a)
		},
		RemoveFunc: func(ctx context.Context, _ provisioner.Target, id int64) error {
			s.note("remove %d", id)
			a := next(&s.remove)
			if f, ok := a.(func(context.Context) error); ok {
				return f(ctx)
			}
			return failure(a)
		},
	}
	jobs := &provisionertest.JobsMock{JobStateFunc: func(context.Context, provisioner.Job) (provisioner.JobState, error) {
		s.note("job state")
		a := next(&s.state)
		state, _ := a.(provisioner.JobState)
		return state, failure(a)
	}}
	provider := struct {
		*provisionertest.ProviderMock
		*provisionertest.FinderMock
	}{
		&provisionertest.ProviderMock{LaunchFunc: func(ctx context.Context, l provisioner.Launch) (provisioner.Machine, error) {
			s.note("launch %d", l.Runner.ID)
			if err := l.StillWanted(ctx); err != nil {
				return provisioner.Machine{}, fmt.Errorf("after a wait: %w", err)
			}
			a := next(&s.launch)
			id, _ := a.(string)
			return provisioner.Machine{ID: id, RunnerID: l.Runner.ID}, failure(a)
		}},
		&provisionertest.FinderMock{FindFunc: func(context.Context, provisioner.RunnerType, provisioner.Job) ([]provisioner.Machine, error) {
			s.note("find")
			a := next(&s.find)
			machines, _ := a.([]provisioner.Machine)
			return machines, failure(a)
		}},
	}
	p, err := provisioner.New([]provisioner.RunnerType{{Name: "ubuntu-arm64", Labels: []string{"self-hosted", "ubuntu-arm64"}, Provider: "cloud"}},
		map[string]provisioner.Provider{"cloud": provider}, registrar, provisioner.Config{Jobs: jobs, Observer: observer})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func alive(id int64, name string) []provisioner.Machine {
	return []provisioner.Machine{{ID: "i-1", RunnerID: id, RunnerName: name, State: provisioner.MachineAlive}}
}

// second is a runner that has the name of the second generation.
func second(r provisioner.Runner) map[string]provisioner.Runner {
	r.Name = jobRunner + "-2"
	return map[string]provisioner.Runner{r.Name: r}
}

// told are the calls in their order; of the job's runner names only what is added to the first.
func (s *script) told() string {
	return strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(strings.Join(s.calls, ", "), jobRunner, ""), " ,", ","))
}
