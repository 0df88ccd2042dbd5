package codemagic

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// List returns this deployment's machines of all runner types that were made within the longest
// lifetime and a day: one list for each workflow, whatever the branch. A failed one fails the
// whole.
//
// Builds of a workflow which no runner type uses any more are not found: let them end before taking
// the workflow out of the catalogue.
func (p *Provider) List(ctx context.Context) ([]provisioner.Machine, error) {
	workflows := map[Filter]bool{}
	for _, s := range p.types {
		workflows[s.workflow()] = true
	}
	all := []provisioner.Machine{}
	for workflow := range workflows {
		machines, err := p.machines(ctx, workflow)
		if err != nil {
			return nil, err
		}
		all = append(all, machines...)
	}
	return all, nil
}

// Find returns the machines of a job among the builds of the type's workflow.
func (p *Provider) Find(ctx context.Context, t provisioner.RunnerType, j provisioner.Job) ([]provisioner.Machine, error) {
	s, err := p.settings(t.Name)
	if err != nil {
		return nil, err
	}
	machines, err := p.machines(ctx, s.workflow())
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(machines, func(m provisioner.Machine) bool { return m.Job != j.ID }), nil
}

// Terminate cancels a build.
func (p *Provider) Terminate(ctx context.Context, m provisioner.Machine) error {
	if err := p.client.CancelBuild(ctx, m.ID); err != nil {
		return fmt.Errorf("cancel build %s of runner %s: %w", m.ID, m.RunnerName, err)
	}
	return nil
}

// margin is how far lists reach back beyond the longest lifetime: a build may have waited for its
// place.
const margin = 24 * time.Hour

func (p *Provider) machines(ctx context.Context, workflow Filter) ([]provisioner.Machine, error) {
	workflow.Since = time.Now().Add(-p.maxLifetime - margin)
	builds, err := p.client.Builds(ctx, workflow)
	if err != nil {
		return nil, fmt.Errorf("list builds of workflow %s of app %s: %w", workflow.WorkflowID, workflow.AppID, err)
	}
	machines := make([]provisioner.Machine, 0, len(builds))
	for _, b := range builds {
		if m, ours := machine(b, p.deployment); ours {
			machines = append(machines, m)
		}
	}
	return machines, nil
}
