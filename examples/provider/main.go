//go:build linux || darwin

// Command provider is a provider of your own, whole and small: it starts a local process for each
// job. Run it, and one job goes the whole way at a fake GitHub, without any credentials.
//
// To copy it, take provider.go and process.go, which are the provider, and provider_test.go, which
// holds it to provisioner.Provider. For real jobs, its command is a script that unpacks GitHub's
// runner, https://github.com/actions/runner, into the directory in which it was started, and
// executes run.sh.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/github/githubtest"
)

func main() {
	play := func() error { return run(context.Background(), os.Stdout) }
	if len(os.Args) == 3 && os.Args[1] == "runner" {
		play = func() error { return runner(os.Args[2]) }
	}
	if err := play(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run has one job served, and tells w about it.
func run(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "provider-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	fake, online := githubtest.New(githubtest.Config{Token: "token"}), make(chan struct{})
	server := httptest.NewServer(site(fake, online))
	defer server.Close()
	defer close(online) // lets go of a runner that still waits
	self, err := os.Executable()
	if err != nil {
		return err
	}
	processes, err := New(dir, map[string][]string{"local": {self, "runner", server.URL}})
	if err != nil {
		return err
	}
	engine, err := newEngine(processes, server.URL)
	if err != nil {
		return err
	}

	job := fake.QueueJob(provisioner.Repository{Owner: "octo", Name: "shop"}, "self-hosted", "local")
	fmt.Fprintf(w, "queued    %s for %v\n", job, job.Labels)
	plan, err := engine.Plan(ctx, job)
	fmt.Fprintf(w, "planned   runner %s, verified: %t, error: %v\n", plan.RunnerName, plan.Verified, err)
	first, err := engine.Provision(ctx, job)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%-9s machine %s\n", first.Status, first.Machine.ID)
	job.Repeated = true // as a queue hands it out that was not told in time
	again, err := engine.Provision(ctx, job)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%-9s by runner %s already: nothing more is started\n", again.Status, again.Runner.Name)
	select {
	case online <- struct{}{}:
		fmt.Fprintln(w, "online    the process has connected with its configuration, and has the job")
	case <-ctx.Done():
		return fmt.Errorf("no runner comes online: %w", ctx.Err())
	}
	m, err := over(ctx, processes, job)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%-9s the job: %s\n", fake.Job(job.ID).Status, fake.Job(job.ID).Conclusion)
	log, err := os.ReadFile(filepath.Join(dir, m.ID, "log")) //nolint:gosec // the machine's own
	fmt.Fprintf(w, "%-9s machine %s, whose log says:\n          %s", m.State, m.ID, log)
	return err
}

// newEngine wires the provider as a service does; for real, BaseURL is left out and Token is one.
func newEngine(p *Provider, baseURL string) (*provisioner.Provisioner, error) {
	local := provisioner.RunnerType{Name: "local", Labels: []string{"self-hosted", "local"}, Provider: Name}
	client, err := github.New(github.Config{BaseURL: baseURL, Token: provisioner.NewSecret("token")})
	if err != nil {
		return nil, err
	}
	return provisioner.New([]provisioner.RunnerType{local}, map[string]provisioner.Provider{Name: p}, client, provisioner.Config{})
}

// over waits until the job's one machine has ended.
func over(ctx context.Context, p *Provider, j provisioner.Job) (provisioner.Machine, error) {
	for {
		found, err := p.Find(ctx, provisioner.RunnerType{}, j)
		switch {
		case err != nil:
			return provisioner.Machine{}, err
		case len(found) != 1:
			return provisioner.Machine{}, fmt.Errorf("%s has %d machines", j, len(found))
		case !found[0].Alive():
			return found[0], nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return found[0], fmt.Errorf("machine %s does not end: %w", found[0].ID, ctx.Err())
		}
	}
}
