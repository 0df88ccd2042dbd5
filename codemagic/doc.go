// Package codemagic runs GitHub Actions jobs on Codemagic's Macs: one build for one job.
//
// Codemagic rents no machines, it runs builds. So an app of yours at Codemagic has a workflow that
// does nothing but run GitHub's runner for one job (examples/codemagic has it, and says how to set
// it up), and a [Provider] starts that workflow's builds:
//
//	client, err := codemagic.NewClient(token, codemagic.Config{})
//	p, err := codemagic.New(client, map[string]codemagic.Settings{"macOS-arm64": {AppID: "5c9c064185dd2310123b8e96"}}, codemagic.Config{})
//
// # What a build carries
//
// Labels say whose build it is, so that it can be found again (see [Provider.List]): the runner's
// name, runner-<registration id>, job-<workflow_job.id>, repository-<owner/name>, type-<runner
// type>, launched-<unix seconds>, deployment-<name>, managed-by-github-runner-provisioner and,
// where the job's repository has a known number, repository-id-<number>.
//
// A build is seen by the deployment whose label it carries, and by no other. So two installations
// may share an app, a workflow even, and neither counts or ends the other's builds. A build without
// such a label, from before there were deployments, is seen by none: it ends by itself, as every
// build does, with its job, when no job came, or at its lifetime.
//
// Variables tell the workflow what to run:
//
//	GITHUB_REPO_OWNER, GITHUB_REPO_NAME  the job's repository
//	GITHUB_RUNNER_LABELS                 the runner's labels, separated by commas
//	RUNNER_NAME                          the runner's name
//	ACTIONS_RUNNER_INPUT_JITCONFIG       the runner's single-use configuration, under the name that GitHub's runner reads
//	RUNNER_MAX_LIFETIME                  the seconds after which the machine must end, busy or not
//	RUNNER_DOWNLOAD_URL, RUNNER_SHA256   the runner's release to use, unless [Config].Downloads is nil or failed
//
// Codemagic shows variables to everybody who may see the build. The configuration is a credential
// until the runner has connected with it, and worth nothing afterwards.
//
// # A start without an answer
//
// Codemagic's API has no idempotency key, and its list of builds lags. After a start that got no
// answer, [Provider.Launch] looks for a build with the runner's name and registration id for some
// ten seconds, and only then starts again. A second build may come of it all the same. It does no
// harm: both hold the same single-use configuration, the one that comes second is refused by GitHub
// and ends itself.
//
// The API is version 1 (https://docs.codemagic.io/rest-api/builds/): version 3 can neither start
// nor cancel a build.
package codemagic
