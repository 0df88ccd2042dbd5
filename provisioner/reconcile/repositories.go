package reconcile

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// repositories are those that the reconciler looks after. A repository is active while it may have
// registrations of ours: from the start, and whenever something happened there, until sweeps have
// found nothing of ours there for a while.
type repositories struct {
	mu      sync.Mutex
	m       map[provisioner.Repository]*repository
	changed bool
}

type repository struct {
	pinned     bool // named by the settings
	active     bool
	lastActive time.Time

	news         bool      // a webhook told of a job since the last sweep began
	calm         bool      // nothing of ours waited at the last sweep, and every machine was busy
	machines     []string  // its live machines then
	looked       time.Time // when it was last visited
	inView       bool      // this sweep looks for new jobs of it
	inViewBefore bool      // the last one did

	seen         bool      // GitHub has let us look at it
	refusals     int       // in a row
	refusedSince time.Time // the first of them
	next         time.Time // when to look again
	refused      error     // the last of them
}

// staysActive is longer than an attempt's last call may take to have its effect: a registration
// whose answer was lost must not turn up where nobody looks.
const staysActive = 3 * time.Minute

func (k *repositories) add(r provisioner.Repository) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.insert(r)
}

func (k *repositories) pin(r provisioner.Repository) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if x := k.insert(r); x != nil {
		x.pinned = true
	}
}

// insert returns nil for what is no repository.
func (k *repositories) insert(r provisioner.Repository) *repository {
	if r.Owner == "" || r.Name == "" {
		return nil
	}
	if k.m == nil {
		k.m = map[provisioner.Repository]*repository{}
	}
	if _, ok := k.m[r]; !ok {
		k.m[r], k.changed = &repository{active: true, lastActive: time.Now()}, true
	}
	return k.m[r]
}

func (k *repositories) markActive(r provisioner.Repository) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if x := k.insert(r); x != nil {
		x.active, x.news, x.lastActive = true, true, time.Now()
	}
}

// setIdle notes whether a target has nothing of ours: no registration, and no job or machine that
// may bring one.
func (k *repositories) setIdle(t provisioner.Target, idle bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for r, x := range k.m {
		if r.Owner != t.Owner || t.Repo != "" && r.Name != t.Repo {
			continue
		}
		if !idle {
			x.lastActive = time.Now()
		}
		x.active = time.Since(x.lastActive) < staysActive
	}
}

func (k *repositories) list() []provisioner.Repository {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.SortedFunc(maps.Keys(k.m), byName)
}

func byName(a, b provisioner.Repository) int {
	return cmp.Or(cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Name, b.Name))
}

// listActive returns the repositories that may have registrations of ours.
func (k *repositories) listActive() map[provisioner.Repository]bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	active := make(map[provisioner.Repository]bool)
	for r, x := range k.m {
		active[r] = x.active
	}
	return active
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
	value, err := json.Marshal(s.known.list())
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
