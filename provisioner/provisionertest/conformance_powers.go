package provisionertest

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

var powerCases = []conformanceCase{
	{"Find finds a job's machines, ended ones included, and no other job's", func(ctx context.Context, x *trial) {
		finder, ok := power[provisioner.Finder](x)
		if !ok {
			return
		}
		before, now, other := x.order(42, 7), x.order(42, 8), x.order(421, 71)
		over := x.launched(ctx, before)[0]
		x.End(over.ID)
		x.launched(ctx, now, other)
		time.Sleep(x.ListLag())
		find := func(l provisioner.Launch, want ...provisioner.Launch) {
			found, err := finder.Find(ctx, l.Type, l.Job)
			x.heard(l.JITConfig, err)
			x.same("Find of job "+l.Job.Key(), found, err, want...)
		}
		find(now, before, now)
		find(other, other)
		find(x.order(4, 9))
	}},

	{"List lists all machines, ended ones included", func(ctx context.Context, x *trial) {
		lister, ok := power[provisioner.Lister](x)
		if !ok {
			return
		}
		list := func(want ...provisioner.Launch) {
			listed, err := lister.List(ctx)
			x.same("List", listed, err, want...)
		}
		list()
		orders := x.orders(12)
		for i, m := range x.launched(ctx, orders...) {
			if i%3 == 0 {
				x.End(m.ID)
			}
		}
		time.Sleep(x.ListLag())
		list(orders...)
	}},

	{"a list that fails, at whatever page, is an error and not a short list", func(ctx context.Context, x *trial) {
		orders := x.orders(12)
		x.launched(ctx, orders...)
		time.Sleep(x.ListLag())
		lister, ok := power[provisioner.Lister](x)
		if !ok {
			return
		}
		x.FailLists(0)
		if listed, err := lister.List(ctx); err == nil {
			x.fault("List returned %d machines and no error while all lists fail", len(listed))
		}
		if finder, ok := x.Provider().(provisioner.Finder); ok {
			if found, err := finder.Find(ctx, orders[0].Type, orders[0].Job); err == nil {
				x.fault("Find returned %d machines and no error while all lists fail", len(found))
			}
		}
		for pages := 1; pages <= 3; pages++ {
			x.FailLists(pages)
			if listed, err := lister.List(ctx); err == nil && len(listed) < len(x.Machines()) {
				x.fault("List returned %d of %d machines and no error after %d pages", len(listed), len(x.Machines()), pages)
			}
		}
		x.FailLists(-1)
		listed, err := lister.List(ctx)
		x.same("List", listed, err, orders...)
	}},

	{"Terminate ends one machine, and is no error for one that is over", func(ctx context.Context, x *trial) {
		terminator, ok := power[provisioner.Terminator](x)
		if !ok {
			return
		}
		m := x.launched(ctx, x.orders(3)...)
		x.End(m[1].ID)
		for _, over := range []provisioner.Machine{m[0], m[0], m[1]} {
			if err := terminator.Terminate(ctx, over); err != nil {
				x.fault("Terminate %s: %v", over.ID, err)
			}
		}
		for _, made := range x.Machines() {
			if made.Alive() != (made.ID == m[2].ID) {
				x.fault("machine %s is %s", made.ID, made.State)
			}
		}
		time.Sleep(2 * time.Hour) // clouds forget
		if err := terminator.Terminate(ctx, m[0]); err != nil {
			x.fault("Terminate of a machine that ended long ago: %v", err)
		}
	}},

	{"a plan changes nothing and shows no secret", func(ctx context.Context, x *trial) {
		x.planned(ctx)
		x.none("by planning")
		l := x.order(42, 7)
		x.launched(ctx, l)
		x.one(l, 1)
	}},

	{"a plan at a cloud that can't be asked is a plan that is not verified", func(ctx context.Context, x *trial) {
		x.FailBefore(forEver)
		x.planned(ctx)
	}},

	{"a plan at a cloud that refuses is not verified", func(ctx context.Context, x *trial) {
		x.Refuse(true)
		if plan := x.planned(ctx); plan.Verified {
			x.fault("the plan is said to be verified")
		}
	}},
}

// planned plans a launch as provisioner.Plan does, without a registration, and looks at the plan.
func (x *trial) planned(ctx context.Context) (plan provisioner.ProviderPlan) {
	planner, ok := power[provisioner.Planner](x)
	if !ok {
		return plan
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l := x.order(42, 0)
	plan, err := planner.Plan(ctx, l)
	x.heard(l.JITConfig, err)
	if err != nil {
		x.fault("Plan: %v", err)
		return plan
	}
	if !plan.Verified && plan.UnverifiedBecause == "" {
		x.fault("the plan is not verified and does not say why")
	}
	text, err := json.Marshal(plan)
	if err != nil {
		x.fault("the plan is not fit for JSON: %v", err)
	}
	if shows(string(text), l.JITConfig) {
		x.fault("the plan shows the configuration")
	}
	if !strings.Contains(string(text), l.Runner.Name) {
		x.fault("the plan does not name the runner: %s", text)
	}
	return plan
}

// same compares a list with what the cloud has of some launches.
func (x *trial) same(what string, got []provisioner.Machine, err error, want ...provisioner.Launch) {
	if err != nil {
		x.fault("%s: %v", what, err)
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
			x.fault("%s shows machine %s, of runner %s (%d), twice or for nothing", what, m.ID, m.RunnerName, m.RunnerID)
			continue
		}
		delete(truth, m.ID)
		if m.Alive() != made.Alive() {
			x.fault("%s shows machine %s as %s, it is %s", what, m.ID, m.State, made.State)
		}
		l := provisioner.Launch{
			Job: provisioner.Job{ID: made.Job, Repository: made.Repository}, Type: provisioner.RunnerType{Name: made.Type},
			Runner: provisioner.Runner{ID: made.RunnerID, Name: made.RunnerName},
		}
		if wrong := marks(m, l); wrong != "" {
			x.fault("%s: %s", what, wrong)
		}
		if m.Provider == "" || m.LaunchedAt.IsZero() {
			x.fault("%s lacks the provider or the time of the launch: %+v", what, m)
		}
	}
	for id := range truth {
		x.fault("%s lacks machine %s", what, id)
	}
}
