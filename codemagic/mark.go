package codemagic

import (
	"strconv"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// The labels of a build of ours, beside the runner's name.
const (
	managedLabel       = "managed-by-github-runner-provisioner"
	runnerPrefix       = "runner-"
	jobPrefix          = "job-"
	repositoryPrefix   = "repository-"    // before owner/name
	repositoryIDPrefix = "repository-id-" // before a number, which has no slash
	typePrefix         = "type-"
	launchedPrefix     = "launched-"
	deploymentPrefix   = "deployment-"
)

// mark returns the labels of a deployment's launch.
func mark(l provisioner.Launch, d provisioner.Deployment, now time.Time) []string {
	labels := []string{
		l.Runner.Name,
		runnerPrefix + strconv.FormatInt(l.Runner.ID, 10),
		jobPrefix + strconv.FormatInt(l.Job.ID, 10),
		repositoryPrefix + l.Job.Repository.String(),
		typePrefix + l.Type.Name,
		launchedPrefix + strconv.FormatInt(now.Unix(), 10),
		deploymentPrefix + string(d),
		managedLabel,
	}
	if l.Job.RepositoryID > 0 {
		labels = append(labels, repositoryIDPrefix+strconv.FormatInt(l.Job.RepositoryID, 10))
	}
	return labels
}

// plannedMark is mark for a launch that has no registration yet.
func plannedMark(l provisioner.Launch, d provisioner.Deployment) []string {
	labels := mark(l, d, time.Time{})
	for i, label := range labels {
		switch {
		case strings.HasPrefix(label, runnerPrefix):
			labels[i] = runnerPrefix + "[registration id]"
		case strings.HasPrefix(label, launchedPrefix):
			labels[i] = launchedPrefix + "[unix seconds]"
		}
	}
	return labels
}

// machine reads a build's labels. ok is false for a build that is not ours: that of another
// deployment, of a version that had none, or one whose labels name two.
func machine(b Build, d provisioner.Deployment) (m provisioner.Machine, ok bool) {
	m = provisioner.Machine{ID: b.ID, Provider: Name, State: provisioner.MachineAlive, LaunchedAt: b.created()}
	switch {
	case b.Status.Over():
		m.State, m.Terminated = provisioner.MachineEnded, b.Status == StatusCanceled
	case b.Status.waits() && b.StartedAt.IsZero():
		m.State = provisioner.MachineQueued
	}
	managed, own, others := false, false, false
	for _, label := range b.Labels {
		if label == managedLabel {
			managed = true
			continue
		}
		if provisioner.IsRunnerName(label) {
			m.RunnerName = label
			continue
		}
		if value, found := strings.CutPrefix(label, deploymentPrefix); found {
			own, others = own || value == string(d), others || value != string(d)
		}
		for prefix, read := range readers {
			if value, found := strings.CutPrefix(label, prefix); found {
				read(&m, value)
			}
		}
	}
	m.StartedAt = b.StartedAt
	return m, managed && own && !others && m.RunnerName != "" && m.RunnerID > 0
}

// readers read what follows a label's prefix, and leave alone what makes no sense: a workflow may
// have labels of its own. A launched label counts only where Codemagic gives no time itself: a
// build that waits for a place has not started.
var readers = map[string]func(m *provisioner.Machine, value string){
	runnerPrefix: func(m *provisioner.Machine, value string) { m.RunnerID = number(value, m.RunnerID) },
	jobPrefix:    func(m *provisioner.Machine, value string) { m.Job = number(value, m.Job) },
	typePrefix:   func(m *provisioner.Machine, value string) { m.Type = value },
	repositoryPrefix: func(m *provisioner.Machine, value string) {
		if owner, name, ok := strings.Cut(value, "/"); ok {
			m.Repository = provisioner.Repository{Owner: owner, Name: name}
		}
	},
	repositoryIDPrefix: func(m *provisioner.Machine, value string) { m.RepositoryID = number(value, m.RepositoryID) },
	launchedPrefix: func(m *provisioner.Machine, value string) {
		if n := number(value, 0); n > 0 && m.LaunchedAt.IsZero() {
			m.LaunchedAt = time.Unix(n, 0)
		}
	},
}

func number(s string, otherwise int64) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return otherwise
	}
	return n
}
