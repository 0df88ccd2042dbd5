package provisioner

// Look says how closely a look at the jobs of a repository is to look. GitHub lists jobs by
// workflow run alone, so that a look which reads every active run costs a request for each. The
// zero Look asks nothing, and tells what is known.
type Look struct {
	// Latest reads the list of the latest hundred runs: one request, which costs nothing while
	// nothing happens.
	Latest bool
	// Statuses is how many of the [RunStatuses] to list active runs by, which finds those behind
	// the latest hundred too: those that were listed longest ago.
	Statuses int
	// Reads is how many runs it may read the jobs of because there is reason to: a run that nobody
	// told of, or one that must have changed. Checks is how many more it may read to check what it
	// knows, those read longest ago first.
	Reads, Checks int
}

// RunStatuses is the number of states that an active workflow run can be in.
const RunStatuses = 5

// Sight is what is known of the jobs of a repository after a [Look].
type Sight struct {
	// Jobs are queued, that is, they need a runner now: not those that wait for an approval or a
	// concurrency group. They are in the order of their ids, and Repeated.
	Jobs []Job
	// Changed is false if GitHub said that nothing has changed since the last look.
	Changed bool
	// Complete is false if there are runs that were to be read, and could not be within the look's
	// Reads.
	Complete bool
}
