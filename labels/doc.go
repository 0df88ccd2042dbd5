// Package labels decides which runner type serves a job: GitHub's own rule, and nothing else.
//
// A workflow asks for a machine with labels (runs-on: [self-hosted, linux, arm64]). GitHub hands
// the job to a runner that has all of them, compared without case; further labels of the runner do
// not matter
// (https://docs.github.com/en/actions/how-tos/manage-runners/self-hosted-runners/use-in-a-workflow).
// A [Table] applies the same rule to runner types: the first type, in the order given, whose labels
// contain all of the job's labels serves the job. No label is implicit: self-hosted, the operating
// system and the architecture count only where a type lists them.
package labels
