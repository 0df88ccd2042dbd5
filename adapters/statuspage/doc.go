// Package statuspage is a page that shows where every job is and why, for people and for programs.
// It is an [http.Handler] over a [journal.Journal], to be mounted anywhere:
//
//	page := statuspage.New(j, statuspage.Config{Version: "v1.2.3", Prefix: "/runners"})
//	mux.Handle("/runners/", authenticated(page))
//	server.RegisterOnShutdown(page.Close) // or streams hold up the stop
//
// It sees the prefix in its requests: there is nothing to be stripped. Nothing on it can change
// anything, but it names repositories, jobs and machines, and it asks nobody who they are: whoever
// mounts it wraps it, unless everybody who reaches it may read it.
//
// # What there is
//
//	/            every runner type with its jobs, its machines and what holds it back: [Overview]
//	/jobs        the jobs, those that wait first: [Jobs]
//	/jobs/{id}   a job, why it is where it is, and what happened to it: [Job]
//	/machines    the machines that are alive: [Machines]
//	/events      server-sent events: "news" when anything has changed, at most once a second
//	/static/     the style sheet, the script and the icon
//
// Who asks for application/json gets JSON, everybody else HTML, both from the same values. Times
// are RFC 3339 in UTC, with milliseconds; what nobody knows is left out. An error is a [Problem].
//
// Methods other than GET and HEAD are answered with 405.
//
// # Jobs
//
// Parameters of /jobs, in both forms:
//
//	q           a job's id or its address at GitHub, as [ParseJob] reads it: redirects to the job
//	state       one of the [journal.State]s; may be repeated, or hold several with commas between
//	type        the name of a runner type
//	repository  owner/name without regard to case; * stands for anything but a slash
//	limit       how many at most; left out, 200 of the page and all of the JSON
//	offset      how many are passed over
//
// # Without JavaScript
//
// The page needs none: it reloads itself every ten seconds. With JavaScript it changes in place.
//
// # What it weighs
//
// A stripped server that mounts it is 0.54 MB larger (linux/amd64, Go 1.26), of which 0.1 MB are
// templ. html/template would be another 29 MB: it calls methods by name, so that the linker has to
// keep all of them, those of the EC2 client too.
package statuspage

//go:generate go tool -modfile=../../tools/go.mod templ generate -log-level error
