package awsrunner

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

const tagPrefix = "runner-provisioner:"

// The tags of instances and volumes of ours. A machine is ours by TagManaged and TagDeployment
// together, and by nothing else: those of another deployment, and of the version before
// deployments, which set no TagDeployment, are never looked at, counted or ended. They end
// themselves, at their lifetime at the latest.
const (
	TagManaged      = tagPrefix + "managed"       // true
	TagDeployment   = tagPrefix + "deployment"    // the installation that launched it
	TagName         = tagPrefix + "name"          // the runner's name
	TagRunner       = tagPrefix + "runner"        // the runner's id at GitHub: its registration
	TagType         = tagPrefix + "type"          // the runner type
	TagRepository   = tagPrefix + "repository"    // owner/name
	TagRepositoryID = tagPrefix + "repository-id" // GitHub's number of the repository, if known
	TagJob          = tagPrefix + "job"           // workflow_job.id
)

// tags are set on the instance and its volumes.
func (p *Provider) tags(l provisioner.Launch, s Settings) []types.Tag {
	registration := strconv.FormatInt(l.Runner.ID, 10)
	if l.Runner.ID == 0 {
		registration = "[registration id]" // of a plan
	}
	all := map[string]string{"Name": l.Runner.Name}
	maps.Copy(all, s.Tags)
	maps.Copy(all, map[string]string{
		TagManaged: "true", TagDeployment: string(p.deployment), TagName: l.Runner.Name, TagRunner: registration, TagType: l.Type.Name,
		TagRepository: l.Job.Repository.String(), TagJob: strconv.FormatInt(l.Job.ID, 10),
	})
	if l.Job.RepositoryID > 0 {
		all[TagRepositoryID] = strconv.FormatInt(l.Job.RepositoryID, 10)
	}
	out := make([]types.Tag, 0, len(all))
	for _, k := range slices.Sorted(maps.Keys(all)) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(all[k])})
	}
	return out
}

// machine reads an instance back.
func machine(i types.Instance) provisioner.Machine {
	m := provisioner.Machine{ID: aws.ToString(i.InstanceId), Provider: Name, State: state(i), LaunchedAt: aws.ToTime(i.LaunchTime)}
	if m.LaunchedAt.IsZero() {
		m.LaunchedAt = time.Now()
	}
	m.StartedAt = m.LaunchedAt
	m.Terminated = i.StateReason != nil && aws.ToString(i.StateReason.Code) == userShutdown
	for _, t := range i.Tags {
		v := aws.ToString(t.Value)
		switch aws.ToString(t.Key) {
		case TagName:
			m.RunnerName = v
		case TagRunner:
			m.RunnerID, _ = strconv.ParseInt(v, 10, 64)
		case TagType:
			m.Type = v
		case TagRepository:
			m.Repository.Owner, m.Repository.Name, _ = strings.Cut(v, "/")
		case TagRepositoryID:
			m.RepositoryID, _ = strconv.ParseInt(v, 10, 64)
		case TagJob:
			m.Job, _ = strconv.ParseInt(v, 10, 64)
		}
	}
	return m
}

// userShutdown is EC2's reason for a state that a call to TerminateInstances led to; one that the
// machine led to itself is Client.InstanceInitiatedShutdown, and a spot interruption
// Server.SpotInstanceTermination.
const userShutdown = "Client.UserInitiatedShutdown"

func state(i types.Instance) provisioner.MachineState {
	if i.State == nil {
		return provisioner.MachineAlive
	}
	switch i.State.Name {
	case types.InstanceStateNameShuttingDown, types.InstanceStateNameTerminated:
		return provisioner.MachineEnded
	default: // a stopped one is alive: it costs its volume, and nothing but terminating ends that
		return provisioner.MachineAlive
	}
}
