package codemagic

import (
	"context"
	"fmt"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// planTimeout bounds what Plan asks Codemagic.
const planTimeout = 3 * time.Second

// Plan returns the start request, with placeholders for what is secret or known only at launch. It
// is never verified: Codemagic has no dry run. Whether the app can be seen with the token is asked,
// within 3 s, and told.
func (p *Provider) Plan(ctx context.Context, l provisioner.Launch) (provisioner.ProviderPlan, error) {
	s, err := p.settings(l.Type.Name)
	if err != nil {
		return provisioner.ProviderPlan{}, err
	}
	r := request(s, l, plannedMark(l, p.deployment))
	if p.downloads != nil {
		r.Variables[downloadVariable], r.Variables[sumVariable] = "[looked up at launch]", "[looked up at launch]"
	}
	within, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	because := fmt.Sprintf("Codemagic has no dry run; the app %s was found", s.AppID)
	if err := p.client.CheckApp(within, s.AppID); err != nil {
		because = fmt.Sprintf("Codemagic has no dry run; the app %s could not be asked for: %v", s.AppID, err)
	}
	return provisioner.ProviderPlan{Request: r, UnverifiedBecause: because}, nil
}
