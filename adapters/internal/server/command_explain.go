package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
)

func explainCommand(ctx context.Context, args []string, out streams) int {
	l, rest, err := lookerFor("explain", args, 1)
	if err != nil {
		return misuse(out, err.Error())
	}
	id, err := statuspage.ParseJob(rest[0])
	if err != nil {
		return misuse(out, "explain: "+err.Error())
	}
	body, err := l.look(ctx, fmt.Sprintf("/jobs/%d", id))
	if errors.Is(err, errNowhere) {
		body, err = explainDirectly(ctx, rest[0], id, out)
	}
	return show(out, l.asJSON, body, err, writeJob)
}

// writeJob says why a job is where it is, and how it came there.
func writeJob(w io.Writer, j statuspage.Job) {
	if j.Because != "" {
		fmt.Fprintf(w, "%s\n\n", j.Because)
	}
	fmt.Fprintf(w, "job %d of %s", j.ID, j.Repository)
	if j.Type != "" {
		fmt.Fprintf(w, ", type %s", j.Type)
	}
	fmt.Fprintf(w, ": %s for %s\n\n", j.State, ago(j.Since))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var last time.Time
	for _, s := range j.Timeline {
		took := ""
		if d := s.At.Sub(last).Round(time.Second); !last.IsZero() && d > 0 {
			took = "+" + d.String()
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", s.At.UTC().Format("2006-01-02 15:04:05"), took, s.Step, s.Detail)
		last = s.At
	}
	_ = table.Flush()
}
