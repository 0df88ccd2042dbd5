package reconcile

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// repositories are those that the reconciler looks after. A repository is active while it may have
// registrations of ours: from the start, and whenever something happened there, until a sweep finds
// nothing of ours there.
type repositories struct {
	mu           sync.Mutex
	m            map[provisioner.Repository]bool // true: active
	markedActive map[provisioner.Repository]bool // since the sweep began
	changed      bool
}

func (k *repositories) add(r provisioner.Repository) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.insert(r)
}

func (k *repositories) insert(r provisioner.Repository) {
	if r.Owner == "" || r.Name == "" {
		return
	}
	if k.m == nil {
		k.m, k.markedActive = map[provisioner.Repository]bool{}, map[provisioner.Repository]bool{}
	}
	if _, ok := k.m[r]; !ok {
		k.m[r], k.changed = true, true
	}
}

func (k *repositories) markActive(r provisioner.Repository) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.insert(r)
	if k.m != nil {
		k.m[r], k.markedActive[r] = true, true
	}
}

// setIdle notes whether a target has nothing of ours: no registration, and no job or machine that
// may bring one. What happened there meanwhile counts too.
func (k *repositories) setIdle(t provisioner.Target, idle bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for r := range k.m {
		if r.Owner == t.Owner && (t.Repo == "" || r.Name == t.Repo) {
			k.m[r] = !idle || k.markedActive[r]
		}
	}
}

func (k *repositories) list() []provisioner.Repository {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.markedActive)
	return sorted(slices.Collect(maps.Keys(k.m)))
}

// listActive lists the repositories that may have registrations of ours, or all.
func (k *repositories) listActive(all bool) []provisioner.Repository {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []provisioner.Repository
	for r, active := range k.m {
		if active || all {
			out = append(out, r)
		}
	}
	return sorted(out)
}

func sorted(rs []provisioner.Repository) []provisioner.Repository {
	slices.SortFunc(rs, func(a, b provisioner.Repository) int {
		return cmp.Or(cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Name, b.Name))
	})
	return rs
}

const repositoriesKey = "repositories"

// loadRepositories makes the repositories of earlier processes and of the App known.
func (s *Sweeper) loadRepositories(ctx context.Context) {
	if s.sweeps == 0 && s.cfg.Store != nil {
		var list []provisioner.Repository
		value, ok, err := s.cfg.Store.Get(ctx, repositoriesKey)
		if err == nil && ok {
			err = json.Unmarshal([]byte(value), &list)
		}
		if err != nil {
			s.cfg.Logger.WarnContext(ctx, "the repositories seen earlier can't be read", "error", err)
		}
		for _, r := range list {
			s.known.add(r)
		}
	}
	if s.fullSweep() && s.cfg.Discover != nil {
		list, err := s.cfg.Discover(ctx)
		if err != nil {
			s.cfg.Logger.WarnContext(ctx, "the credential's repositories can't be listed", "error", err)
		}
		for _, r := range list {
			if s.cfg.Allowed == nil || s.cfg.Allowed(r) {
				s.known.add(r)
			}
		}
	}
}

// saveRepositories writes the repositories down when there are new ones.
func (s *Sweeper) saveRepositories(ctx context.Context) {
	if s.cfg.Store == nil || !s.known.takeChanged() {
		return
	}
	value, err := json.Marshal(s.known.all())
	if err == nil {
		err = s.cfg.Store.Put(ctx, repositoriesKey, string(value))
	}
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "the repositories seen can't be written down", "error", err)
		s.known.setChanged()
	}
}

func (k *repositories) takeChanged() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	changed := k.changed
	k.changed = false
	return changed
}

func (k *repositories) setChanged() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changed = true
}

func (k *repositories) all() []provisioner.Repository {
	k.mu.Lock()
	defer k.mu.Unlock()
	return sorted(slices.Collect(maps.Keys(k.m)))
}
