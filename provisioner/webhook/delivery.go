package webhook

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// EventWorkflowJob is the only event that concerns jobs; its documentation is
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_job.
const EventWorkflowJob = "workflow_job"

// The actions of a workflow_job event that mean something here. There may be others, such as
// waiting (for an approval).
const (
	ActionQueued     = "queued"
	ActionInProgress = "in_progress"
	ActionCompleted  = "completed"
)

// Delivery is a decoded delivery of GitHub's.
type Delivery struct {
	// ID is X-GitHub-Delivery, the same when GitHub delivers again. It is for logs; [Decode] leaves
	// it empty.
	ID string
	// Event is X-GitHub-Event. Deliveries of events other than workflow_job have no further fields.
	Event string
	// Action is one of the Action constants, or something newer.
	Action string
	Job    provisioner.Job
	// RunnerName is the runner that has the job. Jobs on GitHub's own machines name one even while
	// they are queued.
	RunnerName string
	// RunnerID is that runner's registration; 0 if none is named.
	RunnerID int64
	// Conclusion is how a completed job ended.
	Conclusion string
	// StartedAt and CompletedAt are when the job started and ended; zero if unknown.
	StartedAt, CompletedAt time.Time
}

// InvalidError says what is wrong with a delivery, in words for its sender.
type InvalidError struct{ Reason string }

// Error returns the reason.
func (e *InvalidError) Error() string { return "invalid delivery: " + e.Reason }

// payload is the small part of a workflow_job payload that matters: decoding GitHub's whole event
// costs three times as much.
type payload struct {
	Action string `json:"action"`
	Job    struct {
		ID         int64    `json:"id"`
		RunID      hint     `json:"run_id"`
		RunAttempt int      `json:"run_attempt"` // 0 or absent from other forges and of old
		Labels     []string `json:"labels"`      // an item that is null decodes to ""
		Name       string   `json:"name"`
		Workflow   string   `json:"workflow_name"`
		URL        string   `json:"html_url"`
		HeadSHA    string   `json:"head_sha"`
		CreatedAt  date     `json:"created_at"`
		StartedAt  date     `json:"started_at"`
		EndedAt    date     `json:"completed_at"`
		RunnerID   hint     `json:"runner_id"`
		RunnerName string   `json:"runner_name"`
		Conclusion string   `json:"conclusion"`
	} `json:"workflow_job"`
	Repository struct {
		ID    hint   `json:"id"`
		Name  string `json:"name"`
		Owner struct {
			Login string `json:"login"`
		} `json:"owner"`
	} `json:"repository"`
}

// date is a time that is good to have: one that can't be read is zero, and costs no job its
// machine.
type date struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (d *date) UnmarshalJSON(b []byte) error {
	if d.Time.UnmarshalJSON(b) != nil {
		d.Time = time.Time{}
	}
	return nil
}

// hint is a number that is good to have: one that can't be read is 0, and costs no job its machine.
type hint int64

// UnmarshalJSON implements json.Unmarshaler.
func (h *hint) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseInt(string(b), 10, 64)
	*h = hint(max(n, 0))
	if err != nil {
		*h = 0
	}
	return nil
}

// Decode reads the payload of an event, the JSON itself. It returns an [*InvalidError] that names,
// by their JSON path, all the fields of a workflow_job event that are missing or unusable. Of other
// events it only makes sure that they are JSON.
func Decode(event string, body []byte) (Delivery, error) {
	if event != EventWorkflowJob {
		if !json.Valid(body) {
			return Delivery{}, &InvalidError{"the payload is not JSON"}
		}
		return Delivery{Event: event}, nil
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return Delivery{}, &InvalidError{explain(err, body)}
	}
	d := Delivery{
		Event: event, Action: p.Action, RunnerName: p.Job.RunnerName, RunnerID: int64(p.Job.RunnerID), Conclusion: p.Job.Conclusion,
		StartedAt: p.Job.StartedAt.Time, CompletedAt: p.Job.EndedAt.Time,
		Job: provisioner.Job{
			ID: p.Job.ID, RunAttempt: cmp.Or(p.Job.RunAttempt, 1), Labels: withoutEmpty(p.Job.Labels), CreatedAt: p.Job.CreatedAt.Time,
			Repository: provisioner.Repository{Owner: p.Repository.Owner.Login, Name: p.Repository.Name}, RepositoryID: int64(p.Repository.ID), RunID: int64(p.Job.RunID),
			Name: p.Job.Name, Workflow: p.Job.Workflow, URL: p.Job.URL, HeadSHA: commit(p.Job.HeadSHA),
		},
	}
	if err := d.validate(); err != nil {
		return Delivery{}, err
	}
	return d, nil
}

// validate reports all that is missing in a workflow_job delivery.
func (d Delivery) validate() error {
	if d.Event != EventWorkflowJob {
		return nil
	}
	var faults []string
	for _, f := range []struct {
		fault bool
		what  string
	}{
		{d.Action == "", "action is missing"},
		{d.Job.ID <= 0, "workflow_job.id is missing or not positive"},
		{d.Job.RunAttempt <= 0, "workflow_job.run_attempt is not positive"},
		{d.Job.Labels == nil, "workflow_job.labels is missing"},
		{!isName(d.Job.Repository.Owner), "repository.owner.login is missing or not a name of GitHub's"},
		{!isName(d.Job.Repository.Name), "repository.name is missing or not a name of GitHub's"},
	} {
		if f.fault {
			faults = append(faults, f.what)
		}
	}
	if faults != nil {
		return &InvalidError{strings.Join(faults, "; ")}
	}
	return nil
}

// commit returns a commit's name, or nothing if it is none: names become parts of URLs.
func commit(sha string) string {
	if len(sha) > 64 || strings.ContainsFunc(sha, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') }) {
		return ""
	}
	return sha
}

// isName reports whether s can be the name of an account or a repository: up to 100 of A-Z a-z 0-9
// . _ -. Names become parts of URLs, where anything else, and the two names that mean directories,
// would lead elsewhere.
func isName(s string) bool {
	if s == "" || len(s) > 100 || s == "." || s == ".." {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	})
}

// withoutEmpty drops empty labels in place, and keeps nil apart from an empty list.
func withoutEmpty(labels []string) []string {
	kept := labels[:0]
	for _, l := range labels {
		if l != "" {
			kept = append(kept, l)
		}
	}
	return kept
}

// explain says what is wrong with JSON without quoting it.
func explain(err error, body []byte) string {
	if len(bytes.TrimSpace(body)) == 0 {
		return "the payload is empty"
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		found, _, _ := strings.Cut(wrong.Value, " ") // "number 1e99"
		return fmt.Sprintf("%s is of type %s, want %s", cmp.Or(wrong.Field, "the payload"), found, jsonType(wrong.Type.Kind()))
	}
	if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("the payload is not JSON: it breaks at byte %d of %d", wrong.Offset, len(body))
	}
	return "the payload is not JSON"
}

// jsonType names the JSON type that decodes into one of payload's fields.
func jsonType(k reflect.Kind) string {
	switch k {
	case reflect.Struct:
		return "object"
	case reflect.Slice:
		return "array"
	case reflect.String:
		return "string"
	default:
		return "integer"
	}
}
