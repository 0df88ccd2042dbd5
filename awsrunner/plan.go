package awsrunner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// planTimeout keeps a dry run short where there is no network, or no answer.
const planTimeout = 5 * time.Second

// plannedRequest is a RunInstances call for people: the first one, and the places that follow when
// it finds no room.
type plannedRequest struct {
	Action       string         `json:"action"`
	RunInstances map[string]any `json:"run_instances"`
	Places       []place        `json:"places"`
	UserData     string         `json:"user_data"`
	Runner       string         `json:"runner,omitempty"`
}

// Plan implements [provisioner.Planner]: with credentials present EC2 is asked, by a call with
// DryRun, whether the launch would work.
func (p *Provider) Plan(ctx context.Context, l provisioner.Launch) (provisioner.ProviderPlan, error) {
	s, err := p.settings(l.Type)
	if err != nil {
		return provisioner.ProviderPlan{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	d, releaseErr := p.release(ctx, l, s)
	script, err := startScript(l, s, d)
	if err != nil {
		return provisioner.ProviderPlan{}, err
	}
	places := s.places(0)
	in, err := p.request(l, s, places[0], script)
	if err != nil {
		return provisioner.ProviderPlan{}, err
	}
	shown := *in
	shown.UserData, shown.ClientToken = nil, nil
	fields, err := compact(shown)
	if err != nil {
		return provisioner.ProviderPlan{}, err
	}
	plan := provisioner.ProviderPlan{Request: plannedRequest{
		Action: "RunInstances", RunInstances: fields, Places: places, Runner: d.Version,
		UserData: fmt.Sprintf("<start-up script for %s, about %d bytes>", s.OS, len(script)/100*100),
	}}
	in.DryRun = aws.Bool(true)
	_, err = p.client.RunInstances(ctx, in, once)
	plan.Verified, plan.UnverifiedBecause = verdict(ctx, err, secrets(l, in)...)
	if releaseErr != nil {
		plan.Verified = false
		plan.UnverifiedBecause = strings.TrimSuffix("the runner's release is not known ("+releaseErr.Error()+"); "+plan.UnverifiedBecause, "; ")
	}
	return plan, nil
}

// verdict reads EC2's answer to a call with DryRun: it always is an error.
func verdict(ctx context.Context, err error, sent ...provisioner.Secret) (verified bool, because string) {
	var api smithy.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode() == "DryRunOperation":
		return true, ""
	case errors.As(err, &api):
		return false, "EC2 refuses: " + explain(err, sent...)
	case err == nil:
		return false, "EC2 did not treat the call as a dry run"
	case ctx.Err() != nil:
		return false, fmt.Sprintf("EC2 did not answer within %s", planTimeout)
	case strings.Contains(err.Error(), "credential"):
		return false, "there are no AWS credentials, so EC2 can't be asked"
	default:
		return false, "EC2 can't be asked: " + explain(err, sent...)
	}
}

// compact turns a request into what is set in it.
func compact(v any) (map[string]any, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	prune(m)
	return m, nil
}

func prune(m map[string]any) {
	for k, v := range m {
		switch x := v.(type) {
		case nil:
			delete(m, k)
		case string:
			if x == "" {
				delete(m, k)
			}
		case map[string]any:
			if prune(x); len(x) == 0 {
				delete(m, k)
			}
		case []any:
			for _, e := range x {
				if y, ok := e.(map[string]any); ok {
					prune(y)
				}
			}
		}
	}
}
