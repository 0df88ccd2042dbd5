package codemagic

import (
	"encoding/json"
	"time"
)

// Build is a build as Codemagic shows it. Fields that an answer lacks are zero.
type Build struct {
	ID         string
	AppID      string
	WorkflowID string
	Branch     string
	Status     Status
	Labels     []string
	CreatedAt  time.Time
	StartedAt  time.Time
	FinishedAt time.Time
}

// created is when a build was created, or the earliest time that is known of it.
func (b Build) created() time.Time {
	if b.CreatedAt.IsZero() {
		return b.StartedAt
	}
	return b.CreatedAt
}

// Status is a build's status in Codemagic's words. There may be more of them than are known here.
type Status string

// The statuses of a build that is over, of versions 1 and 3 of the API. A build with warnings has
// finished.
const (
	StatusFinished Status = "finished"
	StatusWarning  Status = "warning"
	StatusFailed   Status = "failed"
	StatusCanceled Status = "canceled"
	StatusTimeout  Status = "timeout"
	StatusSkipped  Status = "skipped"
)

// The statuses of a build that waits for its place: version 1 has the first, version 3 both.
const (
	StatusQueued       Status = "queued"
	StatusInitializing Status = "initializing"
)

// Over reports whether the build is known to have ended. An unknown status is taken for one of a
// build that goes on.
func (s Status) Over() bool {
	switch s {
	case StatusFinished, StatusWarning, StatusFailed, StatusCanceled, StatusTimeout, StatusSkipped:
		return true
	}
	return false
}

// waits reports whether the build is in Codemagic's own queue.
func (s Status) waits() bool { return s == StatusQueued || s == StatusInitializing }

// UnmarshalJSON reads version 1's form of a build.
func (b *Build) UnmarshalJSON(data []byte) error {
	var x struct {
		ID         string   `json:"_id"`
		AppID      string   `json:"appId"`
		WorkflowID string   `json:"workflowId"`
		Branch     string   `json:"branch"`
		Status     Status   `json:"status"`
		Labels     []string `json:"labels"`
		CreatedAt  moment   `json:"createdAt"`
		StartedAt  moment   `json:"startedAt"`
		FinishedAt moment   `json:"finishedAt"`
	}
	if err := json.Unmarshal(data, &x); err != nil {
		return err
	}
	*b = Build{
		ID: x.ID, AppID: x.AppID, WorkflowID: x.WorkflowID, Branch: x.Branch, Status: x.Status, Labels: x.Labels,
		CreatedAt: x.CreatedAt.Time, StartedAt: x.StartedAt.Time, FinishedAt: x.FinishedAt.Time,
	}
	return nil
}

// moment is a time that may be absent, null, or in a form of Codemagic's choice; what can't be read
// is zero.
type moment struct{ time.Time }

// timeLayouts are RFC 3339 and the form in Codemagic's documentation, 2020-09-08T07:18:02.203+0000.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700"}

// UnmarshalJSON never fails: a build is worth more than its dates.
func (m *moment) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		return nil
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			m.Time = t
			return nil
		}
	}
	return nil
}
