// Package provisioner starts one ephemeral machine for one GitHub Actions job, and not a second
// one, whatever is lost on the way.
//
// A [Job] asks for labels. A [RunnerType] offers labels and names the [Provider] that starts its
// machines. [Provisioner.Provision] registers a single-use runner at GitHub for the job and
// launches a machine with that registration:
//
//	types := []provisioner.RunnerType{{
//		Name: "ubuntu-arm64", Labels: []string{"self-hosted", "ubuntu-arm64"}, Provider: "aws",
//	}}
//	p, err := provisioner.New(types, providers, registrar, provisioner.Config{})
//	outcome, err := p.Provision(ctx, job)
//
// # One job, one machine
//
// The registration is the lease. A machine is worth something exactly as long as the registration
// that it was launched with exists at GitHub: its configuration can be used once, ids of
// registrations never return, and a machine whose registration is gone ends itself. So every
// decision is taken at GitHub, by registration id, and there is no lock or database of ours:
//
//   - The runner's name is a pure function of the job ([RunnerName]). GitHub refuses a name that is
//     taken, and that refusal is the lock.
//   - Who registered launches, and repeats an unanswered launch until the answer is definite. A
//     launch that failed for good has its registration removed.
//   - Who finds the name taken looks: a runner that is online, or a machine with that very
//     registration, serves the job. Neither, and still neither after a grace time, is a try that
//     died half way: its registration is removed by id, which makes whatever is left of it
//     worthless, and the job starts anew.
//   - What GitHub says is good for seconds. Whoever has waited since, in a queue, for a place, in a
//     grace time, at a cloud that is silent, asks again before anything is made
//     ([Launch.Confirm]).
//   - Who may not be the first to try the job also looks for its machines and, once registered, for
//     registrations under the names of its replacements: of two attempts at most one goes on.
//   - What another [Deployment] registered is never removed.
//   - Nobody here ends a machine. That is the reconciler's, which removes the registration first.
//
// Provision may therefore be called any number of times for one job, by any number of processes,
// and be interrupted anywhere. What it returns says what to do next: an [Outcome] ends the job's
// wait; an error says, by the sentinels of this package, when to come back.
//
// The package depends on package labels and the standard library alone. Providers are in awsrunner
// and codemagic; the registrar is in provisioner/github; queueing and retrying is in
// provisioner/queue; provisioner/provisionertest has doubles, fake clouds and a conformance suite
// for providers.
package provisioner
