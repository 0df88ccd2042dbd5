package crashsim

import (
	"context"
	"sync"
)

// notes is what a queue's file keeps beside the jobs.
type notes struct {
	mu sync.Mutex
	m  map[string]string
}

// mortalNotes are the notes as long as the process lives.
type mortalNotes struct {
	*notes
	process *process
}

// Get implements reconcile.Store.
func (n mortalNotes) Get(_ context.Context, key string) (value string, ok bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	value, ok = n.m[key]
	return value, ok, nil
}

// Put implements reconcile.Store.
func (n mortalNotes) Put(_ context.Context, key, value string) error {
	_, err := around(n.process, "noted its "+key, func() (struct{}, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.m[key] = value
		return struct{}{}, nil
	})
	return err
}
