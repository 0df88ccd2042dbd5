package provisionertest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// toy is a small cloud, the provider for it, and the harness of both: a good one, or one with a flaw.
type toy struct {
	keys      bool // the cloud has idempotency keys
	powerless bool // the provider can launch alone
	lag       time.Duration
	flaw      string

	mu       sync.Mutex
	log      bytes.Buffer
	machines []*toyMachine
	lose     int
	drop     int
	throttle int
	refuse   bool
	exhaust  bool
	pages    *int // that are answered yet; nil means all
	last     provisioner.Launch
}

type toyMachine struct {
	CloudMachine
	key string
}

const toyPage = 5

func inBase64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// The harness.

func (x *toy) Provider() provisioner.Provider {
	if x.powerless {
		return struct{ provisioner.Provider }{&toyProvider{x}}
	}
	return &toyProvider{x}
}

func (x *toy) Type() provisioner.RunnerType {
	return provisioner.RunnerType{Name: "toy", Labels: []string{"toy"}, Provider: "toys", MaxLifetime: time.Hour}
}

func (x *toy) Machines() (all []CloudMachine) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.machines {
		all = append(all, m.CloudMachine)
	}
	return all
}

func (x *toy) End(id string) {
	for _, m := range x.machines {
		if m.ID == id {
			m.State = provisioner.MachineEnded
		}
	}
}

func (x *toy) Log() string            { return x.log.String() }
func (x *toy) Idempotent() bool       { return x.keys }
func (x *toy) ListLag() time.Duration { return x.lag }
func (x *toy) LoseAnswers(n int)      { x.lose = n }
func (x *toy) FailBefore(n int)       { x.drop = n }
func (x *toy) Refuse(on bool)         { x.refuse = on }
func (x *toy) Exhaust(on bool)        { x.exhaust = on }
func (x *toy) Throttle(n int)         { x.throttle = n }

func (x *toy) FailLists(after int) {
	x.pages = &after
	if after < 0 {
		x.pages = nil
	}
}

// The cloud.

var (
	errToySilence  = errors.New("silence")
	errToyRefused  = errors.New("you may not")
	errToyFull     = errors.New("full")
	errToyThrottle = errors.New("slower")
)

func (x *toy) create(key string, m CloudMachine) (CloudMachine, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	lost := x.lose > 0
	switch {
	case lost:
		x.lose--
	case x.drop > 0:
		x.drop--
		return CloudMachine{}, errToySilence
	case x.throttle > 0:
		x.throttle--
		return CloudMachine{}, errToyThrottle
	case x.refuse:
		return CloudMachine{}, errToyRefused
	}
	made := (*toyMachine)(nil)
	for _, before := range x.machines {
		if x.keys && before.key == key {
			made = before
		}
	}
	if made == nil {
		if x.exhaust && !lost {
			return CloudMachine{}, errToyFull
		}
		m.ID, m.State, m.LaunchedAt = fmt.Sprintf("m-%d", len(x.machines)+1), provisioner.MachineAlive, time.Now()
		made = &toyMachine{m, key}
		x.machines = append(x.machines, made)
	}
	if lost {
		return CloudMachine{}, errToySilence
	}
	return made.CloudMachine, nil
}

func (x *toy) page(from int) (page []provisioner.Machine, more bool, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.pages != nil {
		if *x.pages <= 0 {
			return nil, false, errToySilence
		}
		*x.pages--
	}
	for _, m := range x.machines {
		if time.Since(m.LaunchedAt) >= x.lag {
			page = append(page, m.Machine)
		}
	}
	page = page[min(from, len(page)):]
	if len(page) > toyPage {
		return page[:toyPage], true, nil
	}
	return page, false, nil
}
