// Package sqs keeps accepted jobs in an Amazon SQS queue: for several replicas of the service, and
// for Lambda.
//
//	q, err := sqs.New(awssqs.NewFromConfig(cfg), "https://sqs.eu-central-1.amazonaws.com/123456789012/runner-jobs", sqs.Config{Lanes: lanes})
//
// # One queue, many lanes
//
// SQS has no lanes: a message says in its body which runner type it is for. The first
// [Queue.Receive] starts a poller, one for the process, which takes whatever comes while somebody
// waits for a message of any lane. What nobody asks for just now, because its runner type has as
// many machines as it may have or GitHub refuses its repository, is held in the process and kept
// hidden: neither does it hold up other types, nor is its receive count driven up until SQS takes
// it for poison. Among what is held the repositories of a lane take turns. The poller rests while
// nobody waits at all, so that other replicas get their share.
//
// At most [MostHeld] messages are held of a lane. Of what is too many, the newest of the repository
// that has the most is hidden for some ten minutes, for all processes. A process that dies lets go
// of all that it held within two visibility timeouts, and a second more for every ten messages
// of the lane; Close lets go of them at once. A held message that comes near SQS's limit of twelve
// hours is replaced by a fresh copy of itself.
//
// Standard and FIFO queues work. A FIFO queue (its URL ends with .fifo) gets every job as a group
// of its own, so that jobs don't wait for each other, and drops repetitions within five minutes.
// Choose standard unless there is a reason.
//
// # What is not remembered
//
// SQS does not know which jobs were accepted before, so that [Queue.Send] never answers duplicate:
// a webhook that GitHub delivers again costs a message, and one question to GitHub, whether the job
// still waits. It does not cost a machine.
//
// # How to set up the queue
//
// Retention of four days or more (jobs wait for a day at most). The queue's own visibility timeout
// does not matter; the service sets its own. A dead-letter queue is worth having for messages that
// are no jobs, which are logged and left alone until SQS moves them there; its maxReceiveCount must
// be generous, 1000 say, because a job that waits for a failing cloud is received again for every
// attempt: when to give up is the service's decision, after a day. Without a dead-letter queue such
// messages stay, and are logged, until the retention ends.
//
// The service needs sqs:SendMessage, sqs:ReceiveMessage, sqs:DeleteMessage,
// sqs:ChangeMessageVisibility and sqs:GetQueueAttributes on the queue (ChangeMessageVisibility
// covers its batch form), and kms:GenerateDataKey and kms:Decrypt if the queue is encrypted with a
// key of your own.
//
// # What it costs
//
// A job is three requests (send, receive, delete) and one for every seven seconds of its launch; an
// idle replica polls three times a minute, 130,000 requests a month, and every readiness probe is
// one more, 520,000 at one in five seconds; ten held messages cost one
// request every twenty seconds, and of a lane of a thousand every two minutes. SQS bills by the
// million requests and gives the first million of a month for nothing
// (https://aws.amazon.com/sqs/pricing/).
package sqs
