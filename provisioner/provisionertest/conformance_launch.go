package provisionertest

import (
	"context"
	"errors"
	"sync"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Job 42 and registration 7 are the usual ones; 421 begins like 42.
var launchCases = []conformanceCase{
	{"a launch makes one machine, with the launch's marks and configuration", nil, func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		m := x.launched(ctx, l)[0]
		x.one(l, 1)
		if wrong := marks(m, l); wrong != "" {
			x.errorf("%s", wrong)
		}
		if m.Provider == "" || !m.Alive() || m.LaunchedAt.IsZero() {
			x.errorf("the launch returned a machine without its provider or the time of its launch, or one that is not alive: %+v", m)
		}
		if made := x.Machines(); len(made) == 1 && made[0].ID != m.ID {
			x.errorf("the launch returned machine %q, and the cloud has made machine %q", m.ID, made[0].ID)
		}
	}},

	{"the same launch again makes no second machine", nil, func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		m := x.launched(ctx, l, l)
		x.one(l, 2)
		if x.idempotent() && m[0].ID != m[1].ID {
			x.errorf("the same launch returned machine %s and then machine %s; want the same one", m[0].ID, m[1].ID)
		}
	}},

	{"another registration of the same name gets another machine", nil, func(ctx context.Context, x *trial) {
		before, after := x.order(42, 7), x.order(42, 8)
		x.launched(ctx, before, after)
		x.one(before, 1)
		x.one(after, 1)
	}},

	{"launches of different jobs at once each get their machine", nil, func(ctx context.Context, x *trial) {
		orders := x.orders(12)
		var all sync.WaitGroup
		for _, l := range orders {
			all.Go(func() { x.launched(ctx, l) })
		}
		all.Wait()
		for _, l := range orders {
			x.one(l, 1)
		}
	}},

	{"the same launch by several callers at once makes one machine", nil, func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		const callers = 4
		var all sync.WaitGroup
		for range callers {
			all.Go(func() { x.launched(ctx, l) })
		}
		all.Wait()
		x.one(l, callers)
	}},

	{"a cloud that refuses makes no machine, and is ErrRefused until it is mended", needs(refuse), func(ctx context.Context, x *trial) {
		x.fails(ctx, provisioner.ErrRefused, refuse)
	}},

	{"a cloud that repeats the request when it refuses does not make it known", needs(quote), func(ctx context.Context, x *trial) {
		x.quoted(ctx)
	}},

	{"a cloud without room makes no machine, and is ErrCapacity until it has some", needs(exhaust), func(ctx context.Context, x *trial) {
		x.fails(ctx, provisioner.ErrCapacity, exhaust)
	}},

	{"a call that is throttled is repeated or a RetryAfterError", needs(throttle), func(ctx context.Context, x *trial) {
		x.throttled(ctx, 1)
	}},

	{"a cloud that throttles for long makes no machine, and is a RetryAfterError", needs(throttle), func(ctx context.Context, x *trial) {
		x.throttled(ctx, 100_000)
	}},

	{"a runner type without settings is ErrRefused, and gets no machine", nil, func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		l.Type.Name = "unheard-of"
		_, err := x.launch(ctx, l)
		x.failed(err, provisioner.ErrRefused, "for a type without settings")
		x.none("for a type without settings")
	}},

	{"the launch of a machine that is over makes no machine that could register", nil, func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		m := x.launched(ctx, l)[0]
		x.over(m.ID)
		_, err := x.launch(ctx, l)
		x.one(l, 2)
		if x.idempotent() || err != nil {
			x.failed(err, provisioner.ErrMachineEnded, "though its machine is over")
		}
	}},
}

// orders are launches for n different jobs, beginning with 42 and 421.
func (x *trial) orders(n int64) (all []provisioner.Launch) {
	all = append(all, x.order(42, 7), x.order(421, 71))
	for i := int64(2); i < n; i++ {
		all = append(all, x.order(1000+i, 100+i))
	}
	return all
}

// fails launches while the cloud says no, and then once it does not any more.
func (x *trial) fails(ctx context.Context, want error, p *faultPower) {
	l := x.order(42, 7)
	f := x.arm(p, forEver)
	for range 2 {
		_, err := x.launch(ctx, l)
		x.failed(err, want, "while the cloud says no")
		for _, vague := range []error{provisioner.ErrNoAnswer, provisioner.ErrMachineEnded} {
			if errors.Is(err, vague) {
				x.errorf("the launch failed with %q, which is %s too; want %s alone", err, named(vague), named(want))
			}
		}
		x.held(f, l)
		x.none("while the cloud says no")
	}
	f.end()
	x.launched(ctx, l)
	x.one(l, 1)
}

// throttled launches while the cloud throttles n calls, and then once it does not any more.
func (x *trial) throttled(ctx context.Context, n int) {
	l := x.order(42, 7)
	f := x.arm(throttle, n)
	_, err := x.launch(ctx, l)
	x.held(f, l)
	var hint *provisioner.RetryAfterError
	switch {
	case err == nil:
		x.one(l, 1)
	case !errors.As(err, &hint) || hint.After <= 0 || errors.Is(err, provisioner.ErrNoAnswer):
		x.errorf("the launch failed while the cloud throttles with %q; want a RetryAfterError with a wait, and not ErrNoAnswer", err)
		fallthrough
	default:
		x.none("while the cloud throttles")
	}
	f.end()
	x.launched(ctx, l)
	x.one(l, 2)
}
