package server

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
)

func statusCommand(ctx context.Context, args []string, out streams) int {
	l, _, err := lookerFor("status", args, 0)
	if err != nil {
		return misuse(out, err.Error())
	}
	body, err := l.look(ctx, "/")
	return show(out, l.asJSON, body, err, writeStatus)
}

// writeStatus says what the service is doing.
func writeStatus(out io.Writer, s statuspage.Overview) {
	fmt.Fprintf(out, "%s, deployment %s, up for %s; GitHub: %s\n", s.Version, s.Deployment, ago(s.StartedAt), budget(s.GitHub))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nTYPE\tPROVIDER\tWAITING\tSINCE\tBOOTING\tREADY\tRUNNING\tMAX")
	for _, t := range s.Types {
		since, most := "-", "-"
		if !t.OldestWaitingSince.IsZero() {
			since = ago(t.OldestWaitingSince)
		}
		if t.Max > 0 {
			most = strconv.Itoa(t.Max)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%d\t%d\t%d\t%s\n", t.Name, t.Provider, t.Waiting, since, t.Booting, t.Ready, t.Running, most)
	}
	_ = w.Flush()
	for _, t := range s.Types {
		if t.Because != "" {
			fmt.Fprintf(out, "\n%s: %s\n", t.Name, t.Because)
		}
	}
}

func budget(g statuspage.GitHub) string {
	switch {
	case g.Up != nil && !*g.Up:
		return "does not accept the credential, or can't be asked"
	case g.Limit == 0:
		return "not asked yet"
	default:
		return fmt.Sprintf("%d of %d requests left until %s", g.Remaining, g.Limit, g.ResetAt.UTC().Format("15:04 UTC"))
	}
}

// ago is how long ago something was, as people say it.
func ago(t time.Time) string {
	d := time.Since(t).Round(time.Second)
	if d > time.Hour {
		d = d.Round(time.Minute)
	}
	return d.String()
}
