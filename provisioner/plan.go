package provisioner

import (
	"context"
	"fmt"
	"strings"
)

// typicalJITConfig is the size of the configurations that GitHub hands out; user data is limited,
// so a plan is made with as much.
const typicalJITConfig = 4300

// Plan says what [Provisioner.Provision] would do for a job, and does nothing: no registration, no
// machine. An error comes with what is known of the plan all the same.
func (p *Provisioner) Plan(ctx context.Context, j Job) (Plan, error) {
	t, err := p.TypeFor(j)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{RunnerType: t.Name, Provider: t.Provider, RunnerName: RunnerName(t.Name, j), Labels: t.Labels}
	planner, ok := p.providers[t.Provider].(Planner)
	if !ok {
		plan.UnverifiedBecause = fmt.Sprintf("the provider %s can't plan", t.Provider)
		return plan, nil
	}
	details, err := planner.Plan(ctx, Launch{
		Job: j, Type: t, Runner: Runner{Name: plan.RunnerName, Labels: t.Labels}, JITConfig: NewSecret(strings.Repeat("x", typicalJITConfig)),
	})
	if err != nil {
		return plan, fmt.Errorf("plan %s as %s: %w", j, t.Name, err)
	}
	plan.Request, plan.Verified, plan.UnverifiedBecause = details.Request, details.Verified, details.UnverifiedBecause
	return plan, nil
}
