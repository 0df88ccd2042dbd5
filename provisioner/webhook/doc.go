// Package webhook turns what arrives at the webhook's address into accepted jobs.
//
// GitHub sends a delivery for every step in a job's life. A [Receiver] makes sure that it is
// GitHub's (an HMAC with the shared secret, SHA-256 only), reads it, asks a matcher which runner
// type serves the job, hands the job to an [Accepter], which stores it, and answers. Nothing is
// accepted before it is stored, and nothing waits for a cloud: GitHub hangs up after 10 s
// (https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks). Machines
// are started later, by whoever drains the queue.
//
// There are three ways in. [Receiver.ServeHTTP] is a plain [net/http.Handler]. [Receiver.Receive]
// takes a request that has been read already, wherever it came from, such as an event of AWS
// Lambda. [Receiver.Handle] takes a delivery whose origin needs no proof, because it was read from
// GitHub's delivery log, and that [Decode] has decoded. All three give the same answers; see
// [Status] for what they mean.
//
// # Dry runs
//
// A delivery with ?dry-run=true is answered with the plan for its job, and leaves no trace. Without
// that parameter everything is a dry run unless its User-Agent is GitHub's: a request by hand never
// starts a machine by accident. GitHub's own deliveries always are in earnest.
//
// # What gives a job away
//
// Only the event's action counts. workflow_job.status can differ from it: a job that waited for an
// approval is queued with the status waiting. Nor does an empty runner_name mean that no runner has
// the job.
package webhook
