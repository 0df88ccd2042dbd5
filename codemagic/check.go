package codemagic

import (
	"context"
	"fmt"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Check implements [provisioner.Checker]: the token can see the app. Codemagic tells nothing about
// the workflows in an application's codemagic.yaml.
func (p *Provider) Check(ctx context.Context, l provisioner.Launch) []provisioner.Finding {
	s, err := p.settings(l.Type.Name)
	if err != nil {
		return []provisioner.Finding{provisioner.Found(l.Type.Name, "", err)}
	}
	return []provisioner.Finding{
		provisioner.Found(fmt.Sprintf("%s: Codemagic's app %s", l.Type.Name, s.AppID), "the token can see it", p.client.CheckApp(ctx, s.AppID)),
		{
			Verdict: provisioner.VerdictNote, What: fmt.Sprintf("%s: Codemagic's workflow %s on branch %s", l.Type.Name, s.WorkflowID, s.Branch),
			Detail: "Codemagic tells nothing of workflows in a codemagic.yaml: the first build will show",
		},
	}
}
