package webhook

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// acceptTimeout leaves time to answer before GitHub hangs up, 10 s after it began to send.
const acceptTimeout = 8 * time.Second

// Receive answers a delivery that has been read already. It does not return before the job is
// stored, or its plan made.
func (r *Receiver) Receive(ctx context.Context, q Request) Answer {
	return r.receive(ctx, q, [][]byte{q.Body})
}

// Handle answers a delivery whose origin needs no proof, such as one from GitHub's delivery log. It
// is never a dry run, and its job counts as repeated: somebody may have accepted it before.
func (r *Receiver) Handle(ctx context.Context, d Delivery) Answer {
	return r.exchange(ctx, &exchange{delivery: Delivery{ID: d.ID}}, func(x *exchange) Answer {
		if err := d.validate(); err != nil {
			return invalid(err)
		}
		d.Job.Repeated = true
		x.mode.known = true
		return r.handle(ctx, x, d)
	})
}

// receive answers a delivery whose body has come in pieces.
func (r *Receiver) receive(ctx context.Context, q Request, pieces [][]byte) Answer {
	return r.exchange(ctx, q.exchange(), func(x *exchange) Answer {
		var size int64
		for _, p := range pieces {
			size += int64(len(p))
		}
		if refusal, refused := q.refuse(size, r.maxBody); refused {
			return refusal
		}
		if sum, ok := parseSignature(q.header(signatureHeader)); !ok || !r.keys.verify(sum, pieces...) {
			return answer(StatusUnauthorized, signatureHeader+" does not fit the body and the secret")
		}
		q.Body = join(pieces) // which takes as much memory again, and so not for anybody
		return r.verified(ctx, x, q)
	})
}

// verified answers a delivery that is GitHub's.
func (r *Receiver) verified(ctx context.Context, x *exchange, q Request) Answer {
	event := q.header("X-Github-Event")
	if event == "" {
		return answer(StatusInvalid, "the header X-GitHub-Event is missing")
	}
	x.delivery.Event = event
	m, err := q.mode()
	if err != nil {
		return answer(StatusInvalid, err.Error())
	}
	x.mode = m
	body, err := q.payload()
	if err != nil {
		return invalid(err)
	}
	d, err := Decode(event, body)
	if err != nil {
		return invalid(err)
	}
	return r.handle(ctx, x, d)
}

// handle answers a valid delivery.
func (r *Receiver) handle(ctx context.Context, x *exchange, d Delivery) Answer {
	d.ID = x.delivery.ID
	x.delivery = d
	if d.Event != EventWorkflowJob {
		return answer(StatusIgnored, "the event "+brief(d.Event)+" needs no runner")
	}
	a := r.dispatch(ctx, x, d)
	a.Body.JobID = d.Job.ID
	return a
}

// dispatch goes by the action alone: workflow_job.status may say something else.
func (r *Receiver) dispatch(ctx context.Context, x *exchange, d Delivery) Answer {
	runnerType, serves := r.matcher.Match(d.Job.Labels)
	if !r.allowed.allows(d.Job.Repository) {
		reason := "the repository " + d.Job.Repository.String() + " is not allowed to use runners"
		if serves { // of others nobody is kept from anything: they may be for GitHub's own machines
			r.tell(ctx, x, provisioner.Event{Kind: provisioner.EventDenied, Reason: provisioner.Reason{Because: provisioner.BecauseNotAllowed, Detail: reason}})
		}
		return answer(StatusDenied, reason)
	}
	switch d.Action {
	case ActionQueued, ActionInProgress, ActionCompleted:
	default:
		return r.ignore(ctx, x, provisioner.BecauseNoRunner, "the action "+brief(d.Action)+" needs no runner")
	}
	if !serves {
		return r.ignore(ctx, x, provisioner.BecauseNoType, r.noTypeServes(d.Job.Labels))
	}
	var a Answer
	switch {
	case d.Action != ActionQueued:
		a = r.record(ctx, x, d, runnerType)
	case x.mode.dry:
		a = r.plan(ctx, d.Job, runnerType)
	default:
		a = r.accept(ctx, x, d.Job, runnerType)
	}
	a.Body.RunnerType = runnerType
	return a
}

func (r *Receiver) ignore(ctx context.Context, x *exchange, because provisioner.Because, reason string) Answer {
	r.tell(ctx, x, provisioner.Event{Kind: provisioner.EventIgnored, Reason: provisioner.Reason{Because: because, Detail: reason}})
	return answer(StatusIgnored, reason)
}

func (r *Receiver) record(ctx context.Context, x *exchange, d Delivery, runnerType string) Answer {
	if x.mode.dry {
		return answer(StatusRecorded, "nothing was kept, as this is a dry run")
	}
	if r.recorder != nil {
		r.recorder.Record(ctx, Change{
			Job: d.Job, Action: d.Action, RunnerType: runnerType, RunnerName: d.RunnerName, RunnerID: d.RunnerID, Conclusion: d.Conclusion,
		})
	}
	e := provisioner.Event{
		Kind: provisioner.EventStarted, At: d.StartedAt, RunnerType: runnerType, Runner: provisioner.Runner{ID: d.RunnerID, Name: d.RunnerName}, Conclusion: d.Conclusion,
	}
	if d.Action == ActionCompleted {
		e.Kind, e.At = provisioner.EventEnded, d.CompletedAt
	}
	r.tell(ctx, x, e)
	return answer(StatusRecorded, "the job is "+strings.ReplaceAll(d.Action, "_", " "))
}

func (r *Receiver) accept(ctx context.Context, x *exchange, j provisioner.Job, runnerType string) Answer {
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	duplicate, err := r.accepter.Accept(ctx, runnerType, j)
	switch {
	case err != nil:
		x.cause = fmt.Errorf("accept %s: %w", j, err)
		return answer(StatusUnavailable, "the job can't be stored now; deliver again later")
	case duplicate:
		r.tell(ctx, x, provisioner.Event{Kind: provisioner.EventDuplicate, RunnerType: runnerType})
		return answer(StatusDuplicate, "")
	default:
		r.tell(ctx, x, provisioner.Event{Kind: provisioner.EventAccepted, RunnerType: runnerType})
		return answer(StatusQueued, "")
	}
}

// plan answers with a plan in any case: a planner that fails leaves one that is not verified.
func (r *Receiver) plan(ctx context.Context, j provisioner.Job, runnerType string) Answer {
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	plan, err := r.planner.Plan(ctx, j)
	if err != nil {
		plan.Verified, plan.UnverifiedBecause = false, err.Error()
	}
	plan.RunnerType = cmp.Or(plan.RunnerType, runnerType)
	plan.RunnerName = cmp.Or(plan.RunnerName, provisioner.RunnerName(runnerType, j))
	var request bytes.Buffer
	enc := json.NewEncoder(&request)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(plan.Request); err != nil {
		plan.Request, plan.Verified, plan.UnverifiedBecause = nil, false, "the request can't be shown: "+err.Error()
	} else {
		plan.Request = json.RawMessage(bytes.TrimSpace(request.Bytes()))
	}
	a := answer(StatusPlanned, "")
	a.Body.Plan = &plan
	return a
}

func invalid(err error) Answer {
	if d, ok := errors.AsType[*InvalidError](err); ok {
		return answer(StatusInvalid, d.Reason)
	}
	return answer(StatusInvalid, err.Error())
}

// explainer is a matcher that says why it does not match.
type explainer interface {
	Explain(jobLabels []string) string
}

func (r *Receiver) noTypeServes(jobLabels []string) string {
	if len(jobLabels) == 0 {
		return "the job has no labels, so no runner type serves it"
	}
	reason := "no runner type serves the labels [" + brief(strings.Join(jobLabels, ", ")) + "]"
	if m, ok := r.matcher.(explainer); ok {
		reason += ": " + brief(m.Explain(jobLabels))
	}
	return reason
}
