package provisionertest

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

var powerCases = []conformanceCase{
	{"Find finds a job's machines, ended ones included, and no other job's", needs(finds), func(ctx context.Context, x *trial) {
		finder := x.Provider().(provisioner.Finder)
		before, now, other := x.order(42, 7), x.order(42, 8), x.order(421, 71)
		over := x.launched(ctx, before)[0]
		x.over(over.ID)
		x.launched(ctx, now, other)
		time.Sleep(x.listLag())
		find := func(l provisioner.Launch, want ...provisioner.Launch) {
			found, err := finder.Find(ctx, l.Type, l.Job)
			x.heard(l.JITConfig, err)
			x.same("Find of job "+l.Job.Key(), found, err, want...)
		}
		find(now, before, now)
		find(other, other)
		find(x.order(4, 9))
	}},

	{"List lists all machines, ended ones included", needs(lists), func(ctx context.Context, x *trial) {
		lister := x.Provider().(provisioner.Lister)
		list := func(want ...provisioner.Launch) {
			listed, err := lister.List(ctx)
			x.same("List", listed, err, want...)
		}
		list()
		orders := x.orders(12)
		for i, m := range x.launched(ctx, orders...) {
			if i%3 == 0 {
				x.over(m.ID)
			}
		}
		time.Sleep(x.listLag())
		list(orders...)
	}},

	{"a list that fails, at whatever page, is an error and not a short list", needs(lists, failLists), func(ctx context.Context, x *trial) {
		lister := x.Provider().(provisioner.Lister)
		f := x.arm(failLists, 0)
		orders := x.orders(12)
		x.launched(ctx, orders...)
		time.Sleep(x.listLag())

		f.set(0, forEver)
		x.silent(ctx, f, "List", lister.List)
		if finder, ok := x.Provider().(provisioner.Finder); ok {
			x.silent(ctx, f, "Find", func(ctx context.Context) ([]provisioner.Machine, error) {
				return finder.Find(ctx, orders[0].Type, orders[0].Job)
			})
		}
		for pages := 1; pages <= 3; pages++ {
			f.set(pages, forEver)
			if listed, err := lister.List(ctx); err == nil && len(listed) < len(x.Machines()) {
				x.errorf("List returned %d of %d machines and no error, though it failed after %d calls", len(listed), len(x.Machines()), pages)
			}
		}
		f.end()
		listed, err := lister.List(ctx)
		x.same("List", listed, err, orders...)
	}},

	{"Terminate ends one machine, and is no error for one that is over", needs(ends), func(ctx context.Context, x *trial) {
		terminator := x.Provider().(provisioner.Terminator)
		m := x.launched(ctx, x.orders(3)...)
		x.over(m[1].ID)
		for _, over := range []provisioner.Machine{m[0], m[0], m[1]} {
			if err := terminator.Terminate(ctx, over); err != nil {
				x.errorf("Terminate %s: %v", over.ID, err)
			}
		}
		for _, made := range x.Machines() {
			if made.Alive() != (made.ID == m[2].ID) {
				x.errorf("machine %s is %s", made.ID, made.State)
			}
		}
		time.Sleep(2 * time.Hour) // clouds forget
		if err := terminator.Terminate(ctx, m[0]); err != nil {
			x.errorf("Terminate of a machine that ended long ago: %v", err)
		}
	}},

	{"a plan changes nothing and shows no secret", needs(plans), func(ctx context.Context, x *trial) {
		x.planned(ctx)
		x.none("by planning")
		l := x.order(42, 7)
		x.launched(ctx, l)
		x.one(l, 1)
	}},

	{"a plan at a cloud that can't be asked is a plan that is not verified", needs(plans, dropCalls), func(ctx context.Context, x *trial) {
		x.unverified(ctx, dropCalls)
	}},

	{"a plan at a cloud that refuses is not verified", needs(plans, refuse), func(ctx context.Context, x *trial) {
		x.unverified(ctx, refuse)
	}},

	{"no log shows a runner's configuration", needs(logs), func(ctx context.Context, x *trial) {
		if loseAnswers.has(x.Harness) {
			x.arm(loseAnswers, 1) // gives a provider something to tell
		}
		x.launched(ctx, x.orders(3)...)
		if x.log() == "" {
			x.skip = "the harness's Log() is empty: there was nothing to search"
		}
	}},
}

// silent reads machines while all lists fail.
func (x *trial) silent(ctx context.Context, f *armedFault, what string, read func(context.Context) ([]provisioner.Machine, error)) {
	_, before := f.counts()
	got, err := read(ctx)
	if err != nil {
		return
	}
	x.errorf("%s returned %d machines and no error while all lists fail", what, len(got))
	x.heldLists(f, what, before, len(got))
}

// unverified plans where the launch would fail. A provider may plan without asking its cloud, and
// then it can't have verified anything.
func (x *trial) unverified(ctx context.Context, p *faultPower) {
	f := x.arm(p, forEver)
	if x.planned(ctx).Verified {
		x.errorf("the plan is said to be verified, though the launch would fail; does the harness's %s hit what Plan calls?", f.method)
	}
	x.prove(ctx, f)
}

// planned plans a launch as provisioner.Plan does, without a registration, and looks at the plan.
func (x *trial) planned(ctx context.Context) provisioner.ProviderPlan {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l := x.order(42, 0)
	plan, err := x.Provider().(provisioner.Planner).Plan(ctx, l)
	x.heard(l.JITConfig, err)
	if err != nil {
		x.errorf("Plan: %v", err)
		return plan
	}
	if !plan.Verified && plan.UnverifiedBecause == "" {
		x.errorf("the plan is not verified and does not say why")
	}
	text, err := json.Marshal(plan)
	if err != nil {
		x.errorf("the plan is not fit for JSON: %v", err)
	}
	if Shows(string(text), l.JITConfig) {
		x.errorf("the plan shows the configuration")
	}
	if !strings.Contains(string(text), l.Runner.Name) {
		x.errorf("the plan does not name the runner: %s", text)
	}
	return plan
}

// same compares a list with what the cloud has of some launches.
func (x *trial) same(what string, got []provisioner.Machine, err error, want ...provisioner.Launch) {
	if err != nil {
		x.errorf("%s: %v", what, err)
		return
	}
	truth := map[string]provisioner.Machine{}
	for _, l := range want {
		for _, m := range x.of(l) {
			truth[m.ID] = m.Machine
		}
	}
	for _, m := range got {
		made, ok := truth[m.ID]
		if !ok {
			x.errorf("%s shows machine %s, of runner %s (%d), twice or for nothing", what, m.ID, m.RunnerName, m.RunnerID)
			continue
		}
		delete(truth, m.ID)
		if m.Alive() != made.Alive() {
			x.errorf("%s shows machine %s as %s, it is %s", what, m.ID, m.State, made.State)
		}
		l := provisioner.Launch{
			Job: provisioner.Job{ID: made.Job, Repository: made.Repository}, Type: provisioner.RunnerType{Name: made.Type},
			Runner: provisioner.Runner{ID: made.RunnerID, Name: made.RunnerName},
		}
		if wrong := marks(m, l); wrong != "" {
			x.errorf("%s: %s", what, wrong)
		}
		if m.Provider == "" || m.LaunchedAt.IsZero() {
			x.errorf("%s lacks the provider or the time of the launch: %+v", what, m)
		}
	}
	for id := range truth {
		x.errorf("%s lacks machine %s (does the cloud's list lag? then the harness needs ListLag() time.Duration)", what, id)
	}
}
