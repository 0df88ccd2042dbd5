package provisioner

import (
	"context"
	"strings"
)

// Finding is what was found out about one thing that the service relies on.
type Finding struct {
	Verdict Verdict
	// What is the thing, in a few words.
	What string
	// Detail is what is so, what is wrong, or what can't be known and why.
	Detail string
}

// Verdict says whether a thing is as it has to be.
type Verdict string

// The verdicts.
const (
	VerdictOK     Verdict = "ok"
	VerdictFailed Verdict = "failed"
	VerdictNote   Verdict = "note" // it works, or nobody can tell, and Detail is worth knowing
)

// Found is the finding of a thing that was tried: detail says what is so, unless there is an error.
func Found(what, detail string, err error) Finding {
	if err != nil {
		return Finding{VerdictFailed, what, err.Error()}
	}
	return Finding{VerdictOK, what, detail}
}

// Check tries what launching machines of every runner type takes, without launching any. The
// repository is one whose jobs are served; zero if none is known.
func (p *Provisioner) Check(ctx context.Context, r Repository) (found []Finding) {
	for _, t := range p.Types() {
		checker, ok := p.providers[t.Provider].(Checker)
		if !ok {
			found = append(found, Finding{VerdictNote, t.Name, "the provider " + t.Provider + " can't be tried"})
			continue
		}
		j := Job{ID: 1, RunAttempt: 1, Repository: r, Labels: t.Labels}
		found = append(found, checker.Check(ctx, Launch{
			Job: j, Type: t, Runner: Runner{Name: RunnerName(t.Name, j), Labels: t.Labels}, JITConfig: NewSecret(strings.Repeat("x", typicalJITConfig)),
		})...)
	}
	return found
}
