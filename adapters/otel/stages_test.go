package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// timeline is one of steps that are written as KIND@SECOND.
func timeline(t *testing.T, steps string) (all []journal.Step) {
	t.Helper()
	for s := range strings.FieldsSeq(steps) {
		kind, at, _ := strings.Cut(s, "@")
		d, err := time.ParseDuration(at + "s")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, journal.Step{At: noon.Add(d), Kind: provisioner.EventKind(kind), Detail: kind + " it was"})
	}
	return all
}

func TestStages(t *testing.T) {
	for name, c := range map[string]struct{ steps, want string }{
		"a job that is served": {
			"created@0 accepted@1 registered@2 launched@4 online@40 started@42 ended@100",
			"deliver 0-1, wait 1-2, launch 2-4, boot 4-40, take 40-42, run 42-100",
		},
		"one whose runner took it before anybody looked": {
			"created@0 accepted@1 registered@2 launched@4 started@42 online@50 ended@100",
			"deliver 0-1, wait 1-2, launch 2-4, boot 4-42, run 42-100 (online)",
		},
		"one that waits for a place": {
			"created@0 accepted@1 waits@2 held@3 waits@5 registered@60 tried@61 launched@62",
			"deliver 0-1, wait 1-60 (waits held waits), launch 60-62 (tried), boot 62-",
		},
		"one whose launch fails": {
			"accepted@1 registered@2 tried@3 undone@4 held@4 waits@5 registered@34 launched@36 started@90 ended@100",
			"wait 1-2, launch 2-4 (tried) failed: undone it was, wait 4-34 (held waits), launch 34-36, boot 36-90, run 90-100",
		},
		"one whose launch fails and leaves its registration": {
			"accepted@1 registered@2 held@3 registered@30 launched@31",
			"wait 1-2, launch 2-3 failed: held it was, wait 3-30, launch 30-31, boot 31-",
		},
		"one whose machine does not come up": {
			"accepted@1 registered@2 launched@3 held@4 machine_lost@600 requeued@601 registered@602 launched@603 started@650 ended@660",
			"wait 1-2, launch 2-3, boot 3-600 (held) failed: machine_lost it was, wait 600-602 (requeued), launch 602-603, boot 603-650, run 650-660",
		},
		"one whose machine another job took": {
			"accepted@1 registered@2 launched@3 online@40 requeued@50 registered@51 launched@52 started@80 ended@90",
			"wait 1-2, launch 2-3, boot 3-40, take 40-50 failed: requeued it was, wait 50-51, launch 51-52, boot 52-80, run 80-90",
		},
		"one whose machine goes while it runs": {
			"accepted@1 started@40 machine_lost@50 requeued@51 ended@700", "wait 1-40, run 40-700 (machine_lost requeued)",
		},
		"one that a sweep found": {
			"created@0 requeued@90 registered@91 launched@92 started@120 ended@130", "deliver 0-90, wait 90-91, launch 91-92, boot 92-120, run 120-130",
		},
		"one that is cancelled while it waits": {
			"created@0 accepted@1 held@2 ended@60", "deliver 0-1, wait 1-60 (held)",
		},
		"one that is given up": {
			"created@0 accepted@1 held@2 given_up@90", "deliver 0-1, wait 1-90 (held) failed: given_up it was",
		},
		"one that is denied": {
			"created@0 denied@1", "deliver 0-1 failed: denied it was",
		},
		"one that was over, and waits again": {
			"accepted@1 registered@2 gone@3 accepted@30 registered@31 launched@32", "wait 1-2, launch 2-3, wait 30-31, launch 31-32, boot 32-",
		},
		"one of which something comes to light after its end": {
			"accepted@1 registered@2 launched@3 started@40 ended@50 machine_lost@51 requeued@52", "wait 1-2, launch 2-3, boot 3-40, run 40-50",
		},
		"what another process knows": {
			"started@40 ended@100", "run 40-100",
		},
		"a delivery that comes again": {
			"accepted@1 registered@2 duplicate@3 launched@4 accepted@5 started@9", "wait 1-2, launch 2-4 (duplicate), boot 4-9 (accepted), run 9-",
		},
		"nothing": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var all []string
			for _, s := range stages(timeline(t, c.steps)) {
				text := fmt.Sprintf("%s %.0f-", s.kind, s.from.Sub(noon).Seconds())
				if !s.to.IsZero() {
					text += fmt.Sprintf("%.0f", s.to.Sub(noon).Seconds())
				}
				var during []string
				for _, d := range s.during {
					during = append(during, string(d.Kind))
				}
				if len(during) > 0 {
					text += " (" + strings.Join(during, " ") + ")"
				}
				if s.failed {
					text += " failed: " + s.outcome
				}
				all = append(all, text)
			}
			if got := strings.Join(all, ", "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
