// Package sqlite keeps accepted jobs in one SQLite file on this machine's disk: the queue of a
// service that runs as one process, without a server beside it.
//
//	q, err := sqlite.Open(ctx, "runner-provisioner.db", sqlite.Config{Lanes: []string{"ubuntu-arm64"}})
//
// # What is promised
//
// A job is on the disk when [Queue.Send] returns nil: the file is in WAL mode with
// synchronous=FULL, so that neither a killed process nor a power cut loses it. Beside the jobs that
// wait, the file remembers the identity of every job it ever accepted, for [Config.Retention], and
// writes both in one transaction: a job that GitHub delivers again is answered as a duplicate, even
// long after its machine is gone.
//
// # Why it is quick
//
// The disk's confirmation is the dear part of a durable write. One goroutine writes (writer.go);
// whatever has asked for something while it waited for the disk goes into its next transaction
// together, so that many webhooks share one confirmation. [Queue.Receive] is woken by Send and
// looks at the disk only when something has changed or a hidden message becomes visible. Once a
// second it asks SQLite, in one cheap question, whether another process has written.
//
// # When the disk is full
//
// Then jobs are refused, and [Queue.Ping] says so. Those that have been accepted are received and
// deleted as ever: the queue keeps 4 MiB of the disk in reserve, gives them up when even a deletion
// fails for want of room, and accepts no job until it has them again.
//
// # The file
//
// FILE-wal and FILE-shm beside it are part of it while the service runs. Several processes of one
// machine may use one file, as a tool that looks at it does; but only one service may, which takes
// the file's jobs for its own. A network file system is not a place for it
// (https://www.sqlite.org/wal.html). The file does not shrink: what is deleted leaves room for what
// comes. Waiting jobs lie in the table messages, what can't be read in
// the table unreadable. A file of an older version of this package is brought up to date when it is
// opened. A newer one, a damaged one and one that belongs to something else are refused.
//
// To back it up while the service runs use sqlite3's .backup; to begin anew, stop the service and
// move the three files away. The reconciler then finds the jobs that wait at GitHub, in the
// repositories that it knows without the file: those that the settings name, and those of the
// credential. The file also holds the id of the service's deployment: what was launched under it is
// left to end by itself, unless the setting DEPLOYMENT names it.
package sqlite
