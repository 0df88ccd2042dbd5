package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/datawire/github-runner-provisioner/labels"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

// printer tells a person what the answers mean.
type printer struct {
	out     io.Writer
	verbose bool
}

func (p printer) introduce() {
	fmt.Fprint(p.out, `Four signed webhooks to the real handler, as dry runs: nothing is registered or started.
No cloud is asked either: this example has no network and no credentials. The runner types:
`)
	for _, t := range types {
		fmt.Fprintf(p.out, "   %-14s%-11s%s\n", t.Name, t.Provider, list(t.Labels))
	}
	if p.verbose {
		fmt.Fprint(p.out, `
A runner's id is GitHub's to give: until it is registered, requests say 0 or [registration id].
`)
	}
}

func (p printer) explain(job []string, code int, a webhook.Body) error {
	reason, _, _ := strings.Cut(cmp.Or(a.Reason, a.RunnerType), "]: ") // the rest is on a line of its own
	if reason != a.Reason && a.Reason != "" {
		reason += "]"
	}
	p.line("answer", "%d %s: %s", code, a.Status, reason)
	if a.JobID != 0 { // of a webhook that is refused nothing is read
		p.line("because", "%s", compare(job))
	}
	if a.Plan == nil {
		return nil
	}
	asked, err := summary(a.Plan.Provider, a.Plan.Request)
	if err != nil {
		return err
	}
	p.line("runner", "%s, registered at GitHub for this job alone", a.Plan.RunnerName)
	p.line(a.Plan.Provider, "%s", asked)
	if p.verbose {
		return p.whole(a.Plan)
	}
	return nil
}

// whole prints the rest of a plan.
func (p printer) whole(plan *provisioner.Plan) error {
	p.line("labels", "%s", list(plan.Labels))
	if plan.Verified {
		p.line("verified", "yes, the provider says that it would work")
	} else {
		// What follows a semicolon is about the network that is missing here.
		because, _, _ := strings.Cut(plan.UnverifiedBecause, ";")
		p.line("verified", "no: %s", because)
	}
	fmt.Fprint(p.out, "   request    ")
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("   ", "  ")
	return enc.Encode(plan.Request)
}

func (p printer) conclude() {
	fmt.Fprint(p.out, `
A runner's name is made of its job, and GitHub registers a name once. So a webhook that comes twice,
or a process that is killed and starts again, does not make a second machine.

Next:
   go run ./examples/dryrun -v          the same with the whole requests, as JSON
   WEBHOOK_TOKEN=FAKE_TOKEN make run    a server to play with; then, in another terminal:
   make test-ubuntu-arm64               a signed job for that server, again as a dry run
   make simulate SEEDS=100              killed processes, lost answers, and one machine a job
`)
}

func (p printer) line(key, format string, args ...any) {
	fmt.Fprintf(p.out, "   %-11s%s\n", key, fmt.Sprintf(format, args...))
}

// compare says, for every runner type, which of the job's labels it lacks.
func compare(job []string) string {
	found := make([]string, 0, len(types))
	for _, t := range types {
		lacks := slices.DeleteFunc(slices.Clone(job), labels.NewSet(t.Labels...).Contains)
		if len(lacks) == 0 {
			found = append(found, t.Name+" has all its labels")
		} else {
			found = append(found, t.Name+" lacks "+list(lacks))
		}
	}
	return strings.Join(found, "; ")
}

func list(words []string) string { return strings.Join(words, ", ") }

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}
