package provisionertest

import (
	"context"
	"errors"
	"sync"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// Job 42 and registration 7 are the usual ones; 421 begins like 42.
var launchCases = []conformanceCase{
	{"a launch makes one machine, with the launch's marks and configuration", func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		m := x.launched(ctx, l)[0]
		x.one(l, 1)
		if wrong := marks(m, l); wrong != "" {
			x.fault("%s", wrong)
		}
		if m.Provider == "" || !m.Alive() || m.LaunchedAt.IsZero() {
			x.fault("the launch returned %+v", m)
		}
		if made := x.Machines(); len(made) != 1 || made[0].ID != m.ID {
			x.fault("the launch returned machine %q, the cloud made %d machines", m.ID, len(made))
		}
	}},

	{"the same launch again makes no second machine", func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		m := x.launched(ctx, l, l)
		x.one(l, 2)
		if x.Idempotent() && m[0].ID != m[1].ID {
			x.fault("the launches returned the machines %s and %s", m[0].ID, m[1].ID)
		}
	}},

	{"another registration of the same name gets another machine", func(ctx context.Context, x *trial) {
		before, after := x.order(42, 7), x.order(42, 8)
		x.launched(ctx, before, after)
		x.one(before, 1)
		x.one(after, 1)
	}},

	{"launches of different jobs at once each get their machine", func(ctx context.Context, x *trial) {
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

	{"the same launch by several callers at once makes one machine", func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		const callers = 4
		var all sync.WaitGroup
		for range callers {
			all.Go(func() { x.launched(ctx, l) })
		}
		all.Wait()
		x.one(l, callers)
	}},

	{"a cloud that refuses makes no machine, and is ErrRefused until it is mended", func(ctx context.Context, x *trial) {
		x.fails(ctx, provisioner.ErrRefused, x.Refuse)
	}},

	{"a cloud without room makes no machine, and is ErrCapacity until it has some", func(ctx context.Context, x *trial) {
		x.fails(ctx, provisioner.ErrCapacity, x.Exhaust)
	}},

	{"a call that is throttled is repeated or a RetryAfterError", func(ctx context.Context, x *trial) {
		x.throttled(ctx, 1)
	}},

	{"a cloud that throttles for long makes no machine, and is a RetryAfterError", func(ctx context.Context, x *trial) {
		x.throttled(ctx, 100_000)
	}},

	{"a runner type without settings is ErrRefused, and gets no machine", func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		l.Type.Name = "unheard-of"
		if _, err := x.launch(ctx, l); !errors.Is(err, provisioner.ErrRefused) {
			x.fault("error %v, want %v", err, provisioner.ErrRefused)
		}
		x.none("for an unknown type")
	}},

	{"the launch of a machine that is over makes no machine that could register", func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		m := x.launched(ctx, l)[0]
		x.End(m.ID)
		for _, made := range x.of(l) {
			if made.Alive() {
				x.fault("machine %s shut itself down and is not over", made.ID)
			}
		}
		_, err := x.launch(ctx, l)
		x.one(l, 2)
		if over := errors.Is(err, provisioner.ErrMachineEnded); !over && (x.Idempotent() || err != nil) {
			x.fault("error %v, want %v", err, provisioner.ErrMachineEnded)
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
func (x *trial) fails(ctx context.Context, want error, order func(on bool)) {
	l := x.order(42, 7)
	order(true)
	for range 2 {
		_, err := x.launch(ctx, l)
		if !errors.Is(err, want) || errors.Is(err, provisioner.ErrNoAnswer) || errors.Is(err, provisioner.ErrMachineEnded) {
			x.fault("error %v, want %v alone", err, want)
		}
		x.none("while the cloud says no")
	}
	order(false)
	x.launched(ctx, l)
	x.one(l, 1)
}

// throttled launches while the cloud throttles n calls, and then once it does not any more.
func (x *trial) throttled(ctx context.Context, n int) {
	l := x.order(42, 7)
	x.Throttle(n)
	_, err := x.launch(ctx, l)
	var hint *provisioner.RetryAfterError
	switch {
	case err == nil:
		x.one(l, 1)
	case !errors.As(err, &hint) || hint.After <= 0 || errors.Is(err, provisioner.ErrNoAnswer):
		x.fault("error %v, want a RetryAfterError with a wait", err)
		fallthrough
	default:
		x.none("while the cloud throttles")
	}
	x.Throttle(0)
	x.launched(ctx, l)
	x.one(l, 2)
}
