package awsrunner

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Check implements [provisioner.Checker]: at every place EC2 is asked, by a call with DryRun,
// whether the launch would work, as far as permissions and parameters go, and whether the image
// fits. Whether there is room nobody can ask.
func (p *Provider) Check(ctx context.Context, l provisioner.Launch) (found []provisioner.Finding) {
	s, err := p.settings(l.Type)
	if err != nil {
		return append(found, provisioner.Found(l.Type.Name, "", err))
	}
	var d provisioner.RunnerDownload
	if what := l.Type.Name + ": the runner's release"; s.RunnerVersion == "" && l.Job.Repository == (provisioner.Repository{}) {
		found = append(found, provisioner.Finding{Verdict: provisioner.VerdictNote, What: what, Detail: "GitHub tells it to repositories, and none is known"})
	} else {
		d, err = p.release(ctx, l, s)
		found = append(found, provisioner.Found(what, d.Version, err))
	}
	script, err := startScript(l, s, d)
	if err != nil {
		return append(found, provisioner.Found(l.Type.Name+": the start-up script", "", err))
	}
	found = append(found, p.checkImage(ctx, l, s))
	for _, at := range s.places(0) {
		err := p.tryPlace(ctx, l, s, at, script)
		found = append(found, provisioner.Found(fmt.Sprintf("%s: a launch at %s", l.Type.Name, at), "EC2 would make it; whether it has room nobody can ask", err))
	}
	return found
}

func (p *Provider) tryPlace(ctx context.Context, l provisioner.Launch, s Settings, at place, script string) error {
	in, err := p.request(l, s, at, script)
	if err != nil {
		return err
	}
	in.DryRun = aws.Bool(true)
	if err := p.bucket.Wait(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	_, err = p.client.RunInstances(ctx, in, once)
	if verified, because := verdict(ctx, err, secrets(l, in)...); !verified {
		return errors.New(because)
	}
	return nil
}
