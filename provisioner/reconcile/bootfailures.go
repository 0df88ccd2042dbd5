package reconcile

import (
	"context"
	"maps"
)

// bootFailures counts machines in a row that never register, by runner type. They mean a broken
// image, script or network, and more of them are money burnt.
type bootFailures struct {
	up      map[int64]bool  // registrations seen online
	counted map[string]bool // machines counted as failures
	failing map[string]int  // failures in a row, by type
}

// observe looks at one machine of a sweep.
func (b *bootFailures) observe(ctx context.Context, s *Sweeper, snap *snapshot, m *machine) {
	if b.up == nil {
		b.up, b.counted, b.failing = map[int64]bool{}, map[string]bool{}, map[string]int{}
	}
	if !m.known {
		return
	}
	switch {
	case m.state == Idle || m.state == Busy:
		if b.up[m.RunnerID] {
			return
		}
		b.up[m.RunnerID] = true
		if b.failing[m.Type] >= s.cfg.BreakAfter {
			s.cfg.Logger.InfoContext(ctx, "machines come up again; launches of the type go on", "type", m.Type, "provider", m.Provider)
		}
		b.failing[m.Type] = 0
		s.worker.SetBroken(m.Type, false)
	case snap.failedToBoot(m) && !b.up[m.RunnerID] && !b.counted[m.ID]:
		b.counted[m.ID] = true
		b.failing[m.Type]++
		s.log(m).WarnContext(ctx, "a machine booted and never registered", "in_a_row", b.failing[m.Type])
		if b.failing[m.Type] == s.cfg.BreakAfter {
			s.cfg.Logger.ErrorContext(ctx, "machines boot and never register: launches of the type are stopped but for a probe every few minutes; look at its image, start-up script and network",
				"type", m.Type, "provider", m.Provider, "machines", b.failing[m.Type])
		}
		if b.failing[m.Type] >= s.cfg.BreakAfter {
			s.worker.SetBroken(m.Type, true)
		}
	}
}

// forget drops what concerns no machine that the clouds still list, if all of them could be listed.
func (b *bootFailures) forget(snap *snapshot) {
	if len(snap.listErrors) > 0 {
		return
	}
	registrations, machines := map[int64]bool{}, map[string]bool{}
	for _, m := range snap.machines {
		registrations[m.RunnerID], machines[m.ID] = true, true
	}
	maps.DeleteFunc(b.up, func(id int64, _ bool) bool { return !registrations[id] })
	maps.DeleteFunc(b.counted, func(id string, _ bool) bool { return !machines[id] })
}

// failedToBoot reports whether a machine missed its boot deadline, or ended by itself while its
// registration still waits for it.
func (snap *snapshot) failedToBoot(m *machine) bool {
	if m.Alive() {
		return m.state == Dead && m.listed
	}
	if m.Terminated {
		return false
	}
	r, waits := snap.registry[m.target()][m.RunnerID]
	return waits && !r.Online && !r.Busy
}
