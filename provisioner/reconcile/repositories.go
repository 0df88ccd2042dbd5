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

// repositories are those that the reconciler looks after. A repository is unsettled while it may have registrations of ours: from the start, and whenever
// something happened there, until a sweep finds nothing of ours there.
type repositories struct {
	mu      sync.Mutex
	m       map[provisioner.Repository]bool // unsettled
	touched map[provisioner.Repository]bool // since the sweep began
	changed bool
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
		k.m, k.touched = map[provisioner.Repository]bool{}, map[provisioner.Repository]bool{}
	}
	if _, ok := k.m[r]; !ok {
		k.m[r], k.changed = true, true
	}
}

func (k *repositories) touch(r provisioner.Repository) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.insert(r)
	if k.m != nil {
		k.m[r], k.touched[r] = true, true
	}
}

// settle notes whether a target has nothing of ours: no registration, and no job or machine that may bring one. What happened there meanwhile counts too.
func (k *repositories) settle(t provisioner.Target, settled bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for r := range k.m {
		if r.Owner == t.Owner && (t.Repo == "" || r.Name == t.Repo) {
			k.m[r] = !settled || k.touched[r]
		}
	}
}

func (k *repositories) list() []provisioner.Repository {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.touched)
	return sorted(slices.Collect(maps.Keys(k.m)))
}

// unsettled lists the repositories that may have registrations of ours, or all.
func (k *repositories) unsettled(all bool) []provisioner.Repository {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []provisioner.Repository
	for r, unsettled := range k.m {
		if unsettled || all {
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

const repositoriesNote = "repositories"

// recall makes the repositories of earlier processes and of the App known.
func (s *Sweeper) recall(ctx context.Context) {
	if s.sweeps == 0 && s.cfg.Notes != nil {
		var list []provisioner.Repository
		value, ok, err := s.cfg.Notes.Get(ctx, repositoriesNote)
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
	if s.fullLook() && s.cfg.Discover != nil {
		list, err := s.cfg.Discover(ctx)
		if err != nil {
			s.cfg.Logger.WarnContext(ctx, "the App's repositories can't be listed", "error", err)
		}
		for _, r := range list {
			s.known.add(r)
		}
	}
}

// remember writes the repositories down when there are new ones.
func (s *Sweeper) remember(ctx context.Context) {
	if s.cfg.Notes == nil || !s.known.takeChanged() {
		return
	}
	value, err := json.Marshal(s.known.all())
	if err == nil {
		err = s.cfg.Notes.Put(ctx, repositoriesNote, string(value))
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
