package provisionertest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// toy is a small cloud, the provider for it, and the harness of both: a good one, or one with a
// flaw.
type toy struct {
	keys      bool // the cloud has idempotency keys
	powerless bool // the provider can launch alone
	lag       time.Duration
	flaw      string

	idle string // a method of the harness that does nothing
	deaf string // one that asks its fault, and does not do as it says

	mu       sync.Mutex
	log      bytes.Buffer
	machines []*toyMachine
	faults   map[string]*Fault // by the method of the harness
	last     provisioner.Launch

	quotation func(request string) string
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
	if x.idle == "End" {
		return
	}
	for _, m := range x.machines {
		if m.ID == id {
			m.State = provisioner.MachineEnded
		}
	}
}

func (x *toy) Log() string {
	if x.idle == "Log" {
		return ""
	}
	return x.log.String()
}

func (x *toy) Idempotent() bool       { return x.keys }
func (x *toy) ListLag() time.Duration { return x.lag }
func (x *toy) LoseAnswers(f *Fault)   { x.keep("LoseAnswers", f) }
func (x *toy) DropCalls(f *Fault)     { x.keep("DropCalls", f) }
func (x *toy) Refuse(f *Fault)        { x.keep("Refuse", f) }
func (x *toy) Quote(f *Fault)         { x.keep("Quote", f) }
func (x *toy) Exhaust(f *Fault)       { x.keep("Exhaust", f) }
func (x *toy) Throttle(f *Fault)      { x.keep("Throttle", f) }
func (x *toy) FailLists(f *Fault)     { x.keep("FailLists", f) }

func (x *toy) keep(method string, f *Fault) {
	if x.faults == nil {
		x.faults = map[string]*Fault{}
	}
	if method != x.idle {
		x.faults[method] = f
	}
}

func (x *toy) hit(method string) bool { return x.faults[method].Hit() && method != x.deaf }

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
	lost := x.hit("LoseAnswers")
	switch {
	case lost:
	case x.hit("DropCalls"):
		return CloudMachine{}, errToySilence
	case x.hit("Throttle"):
		return CloudMachine{}, errToyThrottle
	case x.hit("Refuse"):
		return CloudMachine{}, errToyRefused
	case x.hit("Quote"):
		if x.quotation == nil {
			x.quotation = fakehttp.InTurn()
		}
		return CloudMachine{}, fmt.Errorf("%w: %s", errToyRefused, x.quotation("launch "+m.RunnerName+" with "+m.Given))
	}
	made := (*toyMachine)(nil)
	for _, before := range x.machines {
		if x.keys && before.key == key {
			made = before
		}
	}
	if made == nil {
		if !lost && x.hit("Exhaust") {
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
	if x.hit("FailLists") {
		return nil, false, errToySilence
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
