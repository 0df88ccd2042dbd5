package main

// mutants are the sabotages: each breaks one promise.
var mutants = []mutant{
	// The engine.
	{"any runner of a replacement's name serves the job, whatever its id", "provisioner/provision.go", "case r.ID == m.RunnerID && (!r.Busy", "case (!r.Busy", "./provisioner"},
	{"an attempt whose time is over leaves its registration", "provisioner/provision.go", "context.WithTimeout(context.WithoutCancel(ctx), cleanup)", "context.WithTimeout(ctx, cleanup)", "./provisioner"},
	{"what was undone still counts as our own, so another's fresh registration is removed", "provisioner/provision.go", "\ta.ours = false\n", "", "./provisioner"},
	{"a silent launch counts as a definite no", "provisioner/provision.go", "if errors.Is(err, ErrNoAnswer) {\n\t\treturn false", "if errors.Is(err, ErrNoAnswer) {\n\t\treturn true", "./provisioner"},
	{"a job's state is believed for ever", "provisioner/provision.go", "time.Since(a.waited) < freshFor", "!a.waited.IsZero()", "./provisioner"},
	{"an unanswered removal is not repeated", "provisioner/provision.go", "for errors.Is(err, ErrNoAnswer) && sleep(longer", "for false && sleep(longer", "./provisioner"},
	{"a late job's first attempt counts as fresh", "provisioner/provision.go", "first: !j.Repeated && !j.isLate()", "first: !j.Repeated", "./provisioner"},
	{"a machine of another registration serves the job", "provisioner/contest.go", "if m.Alive() && m.RunnerID == registration {", "if m.Alive() {", "./provisioner"},
	{"a machine that has ended serves the job", "provisioner/contest.go", "if m.Alive() && m.RunnerID == registration {", "if m.RunnerID == registration {", "./provisioner"},
	{"a registration without a machine is removed without a grace time", "provisioner/contest.go", "if seen != r.ID && !a.ours {", "if seen == -1 {", "./provisioner"},
	{"a repeated attempt does not look for rivals", "provisioner/contest.go", "if a.first {\n\t\treturn nil", "if true {\n\t\treturn nil", "./provisioner"},
	{"another deployment's registration is removed", "provisioner/contest.go", "if !a.deployment.Owns(r) {", "if false {", "./provisioner"},
	{"a type's name that goes on with a number is confused with another's", "provisioner/runner.go", "return j, j.RunAttempt <= maxAttempt && RunnerName", "return j, RunnerName", "./provisioner"},

	// The queue's worker.
	{"a rate limit of one organisation holds back the type", "provisioner/queue/policy.go", "case errors.As(err, &github):\n\t\treturn backOffTarget, wait", "case errors.As(err, &github):\n\t\treturn backOffType, wait", "./provisioner/queue"},
	{"a hint is not waited for", "provisioner/queue/policy.go", "wait = hint.After", "_ = hint.After", "./provisioner/queue"},
	{"a caller's deadline closes the type", "provisioner/queue/policy.go", "case ctx.Err() != nil:", "case errors.Is(ctx.Err(), context.Canceled):", "./provisioner/queue"},
	{"a machine that is not up yet ends the job's wait", "provisioner/queue/policy.go", "return lookAgain, min(left, lookEvery)", "return settled, min(left, lookEvery)", "./provisioner/queue"},
	{"a refusal keeps the target's permit", "provisioner/queue/admission.go", "for _, t := range p.targets {\n\t\tt.release()", "for _, t := range p.targets {\n\t\t_ = t", "./provisioner/queue"},
	{"a full type keeps the type's permit", "provisioner/queue/admission.go", "\t\tp.runnerType.release()", "\t\t_ = p.runnerType", "./provisioner/queue"},
	{"a launch does not open its repository", "provisioner/queue/admission.go", "\t\t\t\tp.succeed()", "\t\t\t\t_ = p", "./provisioner/queue"},
	{"a job that needs nothing opens its type", "provisioner/queue/admission.go", "if out.Status == provisioner.StatusLaunched {\n\t\t\ta.permits.runnerType.succeed()", "if true {\n\t\t\ta.permits.runnerType.succeed()", "./provisioner/queue"},
	{"a broken type's probe is spent by a job that needs nothing", "provisioner/queue/bootbreaker.go", "if launched {", "if true {", "./provisioner/queue"},
	{"many probe at once", "provisioner/queue/breaker.go", "if b.probing {", "if false {", "./provisioner/queue"},
	{"limits are counted on a list of any age", "provisioner/queue/capacity.go", "time.Since(inv.at) < refreshEvery", "time.Since(inv.at) < 999*refreshEvery", "./provisioner/queue"},
	{"a list that comes late overwrites a newer one", "provisioner/queue/capacity.go", "if begun.Before(inv.at) {", "if false {", "./provisioner/queue"},
	{"machines that died at birth hold their places for hours", "provisioner/queue/capacity.go", "begun.Sub(m.at) > listLag", "begun.Sub(m.at) > 99*listLag", "./provisioner/queue"},
	{"machines that no list shows yet hold no place", "provisioner/queue/capacity.go", "begun.Sub(m.at) > listLag", "begun.Sub(m.at) > 0", "./provisioner/queue"},
	{"what a silent launch may have made holds no place", "provisioner/queue/capacity.go", "case mayHaveLaunched(out):", "case false:", "./provisioner/queue"},
	{"a message that another process had is not asked about", "provisioner/queue/attempt.go", "m.Receives > 1 || ", "", "./provisioner/queue"},
	{"a job that somebody attempted is not asked about", "provisioner/queue/attempt.go", "\t\tw.tried.has(j.Key()) || ", "\t\t", "./provisioner/queue"},
	{"a panic takes the process down", "provisioner/guard.go", "recover()", "error(nil)", "./provisioner/queue"},
	{"a receipt that has been used up deletes somebody else's message", "provisioner/queue/memory.go", "if e == nil || e.receipt() != m.Receipt {", `if e == nil || m.Receipt == "" {`, "./provisioner/queue ./provisioner/queue/queuetest"},

	// The reconciler.
	{"a registration on its way is removed", "provisioner/reconcile/reap.go", "const orphanGrace = 20 * time.Second", "const orphanGrace = 0 * time.Second", "./provisioner/reconcile"},
	{"a machine that is too old goes before its registration", "provisioner/reconcile/reap.go", "if m.known && snap.canRead(m.target()) {", "if false {", "./provisioner/reconcile"},
	{"a machine whose registration is not in a list is ended without a question", "provisioner/reconcile/reap.go", "case errors.Is(err, provisioner.ErrNotFound):\n\t\tif s.isElsewhere", "default:\n\t\tif s.isElsewhere", "./provisioner/reconcile"},
	{"an excess machine goes at first sight", "provisioner/reconcile/reap.go", `_, again := s.garbage.since("excess/" + m.ID); !again || s.stillWaits`, `_, again := s.garbage.since("excess/" + m.ID); !again && false || s.stillWaits`, "./provisioner/reconcile"},
	{"an organisation's idle machines go while one repository can't be read", "provisioner/reconcile/reap.go", "if snap.seesJobs(key.target) {", "if snap.seesJobs(key.target) || true {", "./provisioner/reconcile"},
	{"a job whose launch died stays on its way", "provisioner/reconcile/supply.go", "!o.over && snap.now.Sub(first) < orphanGrace", "!o.over && snap.now.Sub(first) < 99*orphanGrace", "./provisioner/reconcile"},
	{"a sweep starts more machines than there are jobs without", "provisioner/reconcile/supply.go", "if lacking <= 0 {", "if false {", "./provisioner/reconcile"},
	{"a lost job is queued at first sight", "provisioner/reconcile/supply.go", `; again && !s.trials`, `; (again || true) && !s.trials`, "./provisioner/reconcile"},
	{"a queue that forgets gets every job again with every sweep", "provisioner/queue/requeue.go", "return !ok || !now.Before(q.due())", "return !ok || !now.Before(q.at)", "./provisioner/queue"},
	{"a queue that forgets gets all jobs of a type without room", "provisioner/queue/requeue.go", "if a == nil {", "if false {", "./provisioner/queue"},
	{"a lost job is taken for a new one", "provisioner/queue/requeue.go", "j.Repeated = true", "_ = j.Repeated", "./provisioner/queue"},
	{"what a replica has at hand is queued again", "adapters/sqs/send.go", "if q.has(m) {", "if false {", "./adapters/sqs"},
	{"little quota of one credential puts off another's", "provisioner/reconcile/sweeper.go", "s.cfg.Quota(t)", "s.cfg.Quota(provisioner.Target{Owner: \"elsewhere\"})", "./provisioner/reconcile"},
	{"a lost payload holds the cursor", "provisioner/reconcile/deliveries.go", "case errors.Is(err, provisioner.ErrNotFound):", "case false:", "./provisioner/reconcile"},
	{"a machine that was up counts as a try", "provisioner/reconcile/trials.go", "case up || m.state == Busy || t.took[m.RunnerID] != 0:", "case m.state == Busy:", "./provisioner/reconcile"},
	{"one machine that came up does not end a row of those that did not", "provisioner/reconcile/bootfailures.go", "b.failing[m.Type] = 0\n", "", "./provisioner/reconcile"},

	// GitHub.
	{"a 404 is the end of a job", "provisioner/github/jobs.go", "if err := see(); err != nil {\n\t\treturn hidden(err)\n\t}\n\tif err := ask()", "if err := ask()", "./provisioner/github"},
	{"a bad credential is sent again and again", "provisioner/github/meter.go", "if !m.bad.IsZero() && time.Since(m.bad) < staysBad {", "if false {", "./provisioner/github"},
	{"a limit is not kept", "provisioner/github/meter.go", "if wait := time.Until(c.until); wait > 0 {", "if wait := time.Until(c.until); false {", "./provisioner/github"},
	{"a change that broke down on its way is certain not to have happened", "provisioner/github/fault.go", "case k.changes() && !unsent:", "case false:", "./provisioner/github"},

	// The providers.
	{"a full place is asked by every launch", "awsrunner/full.go", "time.Since(at) < staysFull && at.After(full[p])", "false && at.After(full[p])", "./awsrunner"},
	{"one subnet holds everything", "awsrunner/place.go", "(i+int(runner%int64(len(subnets))))%len(subnets)", "i", "./awsrunner"},
	{"throttling after a silence says that nothing was made", "awsrunner/launch.go", "slow > throttles && !unanswered", "slow > throttles", "./awsrunner"},
	{"a mismatch says nothing about an earlier call", "awsrunner/launch.go", "\t\t\tunanswered = true\n\t\tcase noRoom:", "\t\tcase noRoom:", "./awsrunner"},
	{"a lack of room after a silence leads to the next place", "awsrunner/launch.go", "if !unanswered {\n\t\t\t\treturn provisioner.Machine{}, fmt.Errorf(\"%s: %s: %w\", at", "if true {\n\t\t\t\treturn provisioner.Machine{}, fmt.Errorf(\"%s: %s: %w\", at", "./awsrunner"},
	{"two registrations share a client token", "awsrunner/place.go", `"%s\n%d\n%v\n%s\n%s", r.Name, r.ID, at.Spot`, `"%s\n%d\n%v\n%s\n%s", r.Name, 0, at.Spot`, "./awsrunner"},
	{"an instance outlives its shutdown", "awsrunner/request.go", "types.ShutdownBehaviorTerminate", "types.ShutdownBehaviorStop", "./awsrunner"},
	{"another deployment's build is ours", "codemagic/mark.go", "managed && own && !others", "managed", "./codemagic"},
	{"a silent start is started again without a look", "codemagic/launch.go", "if found || last && err == nil {", "if found || last && err == nil || i >= 0 {", "./codemagic"},
	{"a build that waits for its place has started", "codemagic/mark.go", "case b.Status.waits() && b.StartedAt.IsZero():", "case false:", "./codemagic"},

	// The webhook and the server.
	{"half a signature is enough", "provisioner/webhook/signature.go", "hmac.Equal(sum[:], mac.Sum(space[:0]))", "hmac.Equal(sum[:16], mac.Sum(space[:0])[:16])", "./provisioner/webhook"},
	{"a repository that is not allowed is served", "provisioner/webhook/receive.go", "if !r.allowed.allows(d.Job.Repository) {", "if false {", "./provisioner/webhook"},
	{"what a sender announces is allocated", "provisioner/webhook/unverified.go", "next := min(max(size, smallestPiece), largestPiece)", "next := max(declared-size, smallestPiece)", "./provisioner/webhook"},
	{"unverified bodies take any memory", "provisioner/webhook/unverified.go", "if u.bytes.Add(next) > most {", "if u.bytes.Add(next) < 0 {", "./provisioner/webhook"},
	{"a client may take for ever", "adapters/http/server.go", "ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute,", "", "-run Client|Slow|Server ./adapters/http"},

	// The queues.
	{"a job is accepted although the commit failed", "adapters/sqlite/writer.go", "return nil, tx.Commit()", "_ = tx.Commit(); return nil, nil", "./adapters/sqlite"},
	{"one job's fault fails all of its batch", "adapters/sqlite/writer.go", "alone := culprit != nil && ownFault(err)", "alone := false", "./adapters/sqlite"},
	{"every error is one job's own fault", "adapters/sqlite/writer.go", "alone := culprit != nil && ownFault(err)", "alone := culprit != nil", "./adapters/sqlite"},
	{"a damaged file is ready", "adapters/sqlite/health.go", "if err := q.looksWhole(); err != nil {", "if err := q.looksWhole(); false {", "./adapters/sqlite"},
	{"a message is deleted by whoever had it once", "adapters/sqlite/settle.go", "delete from messages where job = ? and attempt = ? and receives = ?`", "delete from messages where job = ? and attempt = ? and ? > 0`", "./adapters/sqlite"},
	{"one repository has every turn", "provisioner/queue/turns.go", "t.next = at + 1", "t.next = at", "./provisioner/queue/... ./adapters/sqlite ./adapters/sqs"},
	{"jobs of a repository that GitHub refuses are handed out", "provisioner/queue/memory.go", "if wait <= 0 {", "if true {", "./provisioner/queue/..."},
	{"workers take jobs of a repository that GitHub refuses", "provisioner/queue/worker.go", "return max(w.targetBreakers.wait(t.Target(r).String()), w.targetBreakers.wait(r.String()))", "return 0", "./provisioner/queue/..."},
	{"a job that waits is stored a second time", "adapters/sqlite/send.go", "case lane == m.Lane && j.Generation <= waits.Job.Generation:", "case false:", "./adapters/sqlite"},
	{"a lane without room keeps what it can't hold", "adapters/sqs/lane.go", "if l.n <= MostHeld {", "if true {", "./adapters/sqs"},
	{"held messages are not counted", "adapters/sqs/depth.go", "depth[name] = l.n", "depth[name] = l.n - l.n", "./adapters/sqs"},
	{"a message that was held reappears while it is worked on", "adapters/sqs/receive.go", "if d != nil && q.handOut(ctx, d) {", "if d != nil {", "./adapters/sqs"},
	{"held messages are hidden anew again and again", "adapters/sqs/keep.go", "return d.hidden.Sub(round) > q.cfg.Visibility", "return d.hidden.Equal(round)", "./adapters/sqs"},
	{"a held message is lost after twelve hours", "adapters/sqs/keep.go", "time.Since(d.received) > renewBefore && q.renew(ctx, d)", "false", "./adapters/sqs"},

	// The wiring.
	{"a queue that forgets counts as one that remembers", "adapters/internal/wiring/module.go", `NoDeduplication: !strings.HasPrefix(cfg.QueueURL, "sqlite:")`, `NoDeduplication: strings.HasPrefix(cfg.QueueURL, "sqlite:")`, "-run GitHubIsAskedFirst ./adapters/http"},
	{"a failure of GitHub's is booked on the cloud", "adapters/internal/wiring/metrics.go", "m.errors.WithLabelValues(provisioner.System(e.Err, e.Provider)", "m.errors.WithLabelValues(e.Provider", "./adapters/internal/wiring"},
	{"a job of Lambda's second delivery counts as fresh", "adapters/lambda/batch.go", "x.Job.Repeated = x.Job.Repeated || receives(m) > 1", "x.Job.Repeated = false", "-run Batch ./adapters/lambda"},
}
