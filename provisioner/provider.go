package provisioner

import "context"

// Provider starts machines. One provider serves all runner types that name it; it knows their
// settings by the type's name.
//
// Launch starts one machine for one registration, and calling it again with the same launch must
// never leave two machines that can register: use the cloud's idempotency key, made of Runner.Name
// and Runner.ID and, where the cloud keeps keys per zone, the placement. It returns
//
//   - nil, once the cloud has said that the machine exists;
//   - [ErrCapacity], [ErrRefused], [ErrUnavailable] or a [RetryAfterError] when it is certain that
//     no machine was made, at any placement, and none will be;
//   - [ErrMachineEnded] when the machine of this very launch existed and is over;
//   - what [Launch.Confirm] said when that ended the launch, with [ErrNoAnswer] beside it if a
//     machine may come of an earlier call and the error is not [ErrNotWanted];
//   - [ErrNoAnswer] when ctx ended while the outcome was still unknown. Until then Launch repeats
//     the unanswered call, and only that call: trying another placement after silence makes two
//     machines.
//
// The machine must carry, where its maker can list it again, the managed mark, the [Deployment],
// Runner.Name, Runner.ID, Type.Name, Job.Repository, Job.RepositoryID and Job.ID. It must run at
// most one job, and end itself when its registration is gone or refused, when its job ends, when no
// job came, and at Type.MaxLifetime.
//
// All methods are safe for concurrent use. Errors hold no secret.
type Provider interface {
	Launch(ctx context.Context, l Launch) (Machine, error)
}

// Planner is the optional power of a [Provider] to say what it would do. The launch has no
// registration: Runner.ID is 0 and JITConfig a placeholder of realistic size. Plan changes nothing
// anywhere. Its errors are about the launch itself; a cloud that can't be asked is a plan that is
// not verified.
type Planner interface {
	Plan(ctx context.Context, l Launch) (ProviderPlan, error)
}

// Checker is the optional power of a [Provider] to try what a launch takes (settings, permissions,
// the cloud's answer) at each place of its runner type, for people who set the service up. The
// launch is made up as for [Planner]; its job's repository is zero if none is known. Check changes
// nothing anywhere.
type Checker interface {
	Check(ctx context.Context, l Launch) []Finding
}

// Finder is the optional power to find the machines that carry a job's mark, ended ones included as
// long as the cloud shows them, in no order. Lists lag: a machine launched seconds ago may be
// missing.
type Finder interface {
	Find(ctx context.Context, t RunnerType, j Job) ([]Machine, error)
}

// Lister is the optional power to list all machines of this deployment, ended ones included as long
// as the cloud shows them. An incomplete list is an error.
type Lister interface {
	List(ctx context.Context) ([]Machine, error)
}

// Terminator is the optional power to end a machine. Ending a machine that is over is no error.
type Terminator interface {
	Terminate(ctx context.Context, m Machine) error
}

// Registrar registers single-use runners at GitHub.
//
// Register returns the runner and its just-in-time configuration, or [ErrNameTaken] when the target
// has a runner of that name. Lookup returns the runner of a name, or [ErrNotFound]. Remove ends a
// registration: nil also when it does not exist, [ErrRunnerBusy] when the runner has a job.
//
// All of them return [ErrRefused] for what won't work until somebody mends it, [ErrUnavailable] for
// what GitHub certainly didn't do, [ErrNoAnswer] when it is unknown whether it did, and a
// [RetryAfterError] at a rate limit. They do not repeat calls that change something.
type Registrar interface {
	Register(ctx context.Context, r Registration) (Runner, Secret, error)
	Lookup(ctx context.Context, t Target, name string) (Runner, error)
	Remove(ctx context.Context, t Target, id int64) error
}

// Jobs asks GitHub for a job's state. A job that does not exist any more has ended; one that may
// only be out of sight has not: that is an error.
type Jobs interface {
	JobState(ctx context.Context, j Job) (JobState, error)
}

// Observer hears what happened. Observe must not block.
type Observer interface {
	Observe(ctx context.Context, e Event)
}
