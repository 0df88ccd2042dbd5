package webhook_test

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datawire/github-runner-provisioner/labels"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

// heard are the events that somebody heard.
type heard []provisioner.Event

func (h *heard) Observe(_ context.Context, e provisioner.Event) { *h = append(*h, e) }

// jobDelivery is GitHub's delivery of a job with some fields changed; nil takes one away.
func jobDelivery(t *testing.T, action string, job map[string]any) []byte {
	t.Helper()
	fields := map[string]any{
		"id": 21, "run_id": 3, "run_attempt": 1, "name": "test", "workflow_name": "CI", "labels": []string{"ubuntu-arm64"}, "created_at": "2000-01-01T00:00:01Z",
		"started_at": "2000-01-01T00:00:01Z", "status": action,
	}
	maps.Copy(fields, job)
	repository := "octo-org/example-app"
	if r, ok := fields["repository"]; ok {
		repository, _ = r.(string)
		delete(fields, "repository")
	}
	owner, name, _ := strings.Cut(repository, "/")
	body, err := json.Marshal(map[string]any{
		"action": action, "workflow_job": fields, "repository": map[string]any{"id": 9, "name": name, "full_name": repository, "owner": map[string]any{"login": owner}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestEachDeliverySaysWhatItMeansForItsJob receives deliveries ten seconds after midnight.
func TestEachDeliverySaysWhatItMeansForItsJob(t *testing.T) {
	running := map[string]any{"started_at": "2000-01-01T00:00:07Z", "runner_id": 5, "runner_name": "grp-x"}
	completed := map[string]any{"started_at": "2000-01-01T00:00:03Z", "completed_at": "2000-01-01T00:00:08Z", "runner_id": 5, "runner_name": "grp-x", "conclusion": "failure"}
	runner := provisioner.Runner{ID: 5, Name: "grp-x"}
	why := func(because provisioner.Because, detail string) provisioner.Reason {
		return provisioner.Reason{Because: because, Detail: detail}
	}
	for name, c := range map[string]struct {
		action string
		job    map[string]any
		stored bool // before
		broken error
		want   provisioner.Event // Kind "" is none
		at     time.Duration     // by whatever clock; since midnight
	}{
		"queued":                             {action: "queued", want: provisioner.Event{Kind: provisioner.EventAccepted, RunnerType: "ubuntu-arm64"}, at: 10 * time.Second},
		"queued twice":                       {action: "queued", stored: true, want: provisioner.Event{Kind: provisioner.EventDuplicate, RunnerType: "ubuntu-arm64"}, at: 10 * time.Second},
		"queued while nothing can be stored": {action: "queued", broken: context.DeadlineExceeded},
		"started": {
			action: "in_progress", job: running, want: provisioner.Event{Kind: provisioner.EventStarted, RunnerType: "ubuntu-arm64", Runner: runner}, at: 7 * time.Second,
		},
		"completed": {
			action: "completed", job: completed, at: 8 * time.Second,
			want: provisioner.Event{Kind: provisioner.EventEnded, RunnerType: "ubuntu-arm64", Runner: runner, Conclusion: "failure"},
		},
		"completed without a runner, at no time": {
			action: "completed", job: map[string]any{"conclusion": "cancelled", "completed_at": nil}, at: 10 * time.Second,
			want: provisioner.Event{Kind: provisioner.EventEnded, RunnerType: "ubuntu-arm64", Conclusion: "cancelled"},
		},
		"waiting for a deployment's approval": {
			action: "waiting", at: 10 * time.Second,
			want: provisioner.Event{Kind: provisioner.EventIgnored, Reason: why(provisioner.BecauseNoRunner, "the action waiting needs no runner")},
		},
		"in a repository that is not allowed": {
			action: "queued", job: map[string]any{"repository": "somebody/else"}, at: 10 * time.Second,
			want: provisioner.Event{Kind: provisioner.EventDenied, Reason: why(provisioner.BecauseNotAllowed, "the repository somebody/else is not allowed to use runners")},
		},
		"completed in a repository that is not allowed": {
			action: "completed", job: map[string]any{"repository": "somebody/else", "completed_at": "2000-01-01T00:00:08Z"}, at: 10 * time.Second,
			want: provisioner.Event{Kind: provisioner.EventDenied, Reason: why(provisioner.BecauseNotAllowed, "the repository somebody/else is not allowed to use runners")},
		},
		"for GitHub's own machines, in a repository that is not allowed": {
			action: "queued", job: map[string]any{"repository": "somebody/else", "labels": []string{"ubuntu-latest"}},
		},
		"of labels that no type has, but some have more of": {
			action: "queued", job: map[string]any{"labels": []string{"macOS", "arm64", "GPU"}}, at: 10 * time.Second,
			want: provisioner.Event{Kind: provisioner.EventIgnored, Reason: why(provisioner.BecauseNoType, "no runner type serves the labels [macOS, arm64, GPU]: macOS-arm64 lacks GPU; ubuntu-arm64 lacks macOS, GPU")},
		},
		"of no labels": {
			action: "queued", job: map[string]any{"labels": []string{}}, at: 10 * time.Second,
			want: provisioner.Event{Kind: provisioner.EventIgnored, Reason: why(provisioner.BecauseNoType, "the job has no labels, so no runner type serves it")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				midnight := time.Now()
				time.Sleep(10 * time.Second)
				var events heard
				w := newWorld(t, func(c *webhook.Config) { c.Events = &events })
				w.broken = c.broken
				if c.stored {
					w.stored[21] = stored{}
				}
				body := jobDelivery(t, c.action, c.job)
				answer := w.receiver.Receive(t.Context(), signed("workflow_job", body))
				var want heard
				if c.want.Kind != "" {
					d, err := webhook.Decode("workflow_job", body)
					if err != nil {
						t.Fatal(err)
					}
					c.want.Job, c.want.At = d.Job, midnight.Add(c.at)
					want = heard{c.want}
				}
				if diff := cmp.Diff(want, events, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" {
					t.Errorf("after %d %+v: %s", answer.Code, answer.Body, diff)
				}
				if len(events) > 0 && events[0].Job.ID != 21 {
					t.Errorf("job %+v", events[0].Job)
				}
			})
		})
	}
}

func TestADeliveryThatConcernsNoJobSaysNothing(t *testing.T) {
	for _, name := range []string{
		"a ping", "no signature", "the signature of another body", "action is missing", "a request by hand", "a dry run by hand", "a body over 25 MB", "the query dry-run=1",
	} {
		t.Run(name, func(t *testing.T) {
			var events heard
			w := newWorld(t, func(c *webhook.Config) { c.Events = &events })
			a := w.receive(t, find(t, name))
			if len(events) != 0 {
				t.Errorf("after %d %+v: %+v", a.Code, a.Body, events)
			}
		})
	}
}

// A dry run says nothing whatever it would have meant.
func TestADryRunSaysNothing(t *testing.T) {
	for name, body := range map[string][]byte{
		"queued": jobDelivery(t, "queued", nil), "started": jobDelivery(t, "in_progress", nil), "completed": jobDelivery(t, "completed", nil),
		"denied": jobDelivery(t, "queued", map[string]any{"repository": "somebody/else"}), "ignored": jobDelivery(t, "queued", map[string]any{"labels": []string{"gpu"}}),
	} {
		t.Run(name, func(t *testing.T) {
			for _, dry := range []string{"true", "false"} {
				var events heard
				w := newWorld(t, func(c *webhook.Config) { c.Events = &events })
				q := signed("workflow_job", body)
				q.Query = map[string][]string{"dry-run": {dry}}
				if a := w.receiver.Receive(t.Context(), q); len(events) == 0 != (dry == "true") {
					t.Errorf("dry-run=%s: after %d %+v: %+v", dry, a.Code, a.Body, events)
				}
			}
		})
	}
}

func TestADeliveryFromGitHubsLogSaysWhatItMeans(t *testing.T) {
	var events heard
	w := newWorld(t, func(c *webhook.Config) { c.Events = &events })
	d, err := webhook.Decode("workflow_job", jobDelivery(t, "queued", nil))
	if err != nil {
		t.Fatal(err)
	}
	w.receiver.Handle(t.Context(), d)
	if len(events) != 1 || events[0].Kind != provisioner.EventAccepted || events[0].Job.ID != 21 || !events[0].Job.Repeated {
		t.Errorf("events %+v", events)
	}
}

// TestAnIgnoredJobIsToldWhatTheNearestTypesLack has a catalogue of many types.
func TestAnIgnoredJobIsToldWhatTheNearestTypesLack(t *testing.T) {
	table, err := labels.NewTable(
		labels.Entry{Name: "far", Labels: []string{"x"}}, labels.Entry{Name: "near", Labels: []string{"a", "b"}}, labels.Entry{Name: "nearer", Labels: []string{"a", "b", "c"}},
		labels.Entry{Name: "further", Labels: []string{"a"}}, labels.Entry{Name: "as near", Labels: []string{"b", "c"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("ö", 300)
	for name, c := range map[string]struct {
		matcher labels.Matcher
		job     []string
		want    string
	}{
		"the three nearest, in their order": {table, []string{"a", "b", "c", "d"}, "no runner type serves the labels [a, b, c, d]: nearer lacks d; near lacks c, d; as near lacks a, d"},
		"a matcher that can't say":          {matcherOnly{table}, []string{"z"}, "no runner type serves the labels [z]"},
		"labels that fill the page": {
			matcherOnly{table}, []string{long}, "no runner type serves the labels [" + long[:200] + "...]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, events := newWorld(t), heard{}
			r, err := webhook.New(provisioner.NewSecret(secret), c.matcher, w, w, webhook.Config{Events: &events})
			if err != nil {
				t.Fatal(err)
			}
			a := r.Receive(t.Context(), signed("workflow_job", jobDelivery(t, "queued", map[string]any{"labels": c.job})))
			if len(events) != 1 || events[0].Reason.Detail != c.want || a.Body.Reason != c.want {
				t.Errorf("answer %q, events %+v; want %q", a.Body.Reason, events, c.want)
			}
		})
	}
}

type matcherOnly struct{ labels.Matcher }
