package crashsim

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// history is what happened, in words.
type history struct {
	mu    sync.Mutex
	begun time.Time
	lines []string
	wrong []string
}

func (h *history) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, fmt.Sprintf("%8.1fs  %s", time.Since(h.begun).Seconds(), fmt.Sprintf(format, args...)))
}

// violation notes something that must not happen.
func (h *history) violation(format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	h.note("WRONG: %s", what)
	h.mu.Lock()
	defer h.mu.Unlock()
	if slices.Contains(h.wrong, what) {
		return
	}
	h.wrong = append(h.wrong, what)
}

func (h *history) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.lines, "\n")
}
