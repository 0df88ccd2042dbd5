package provisionertest

import (
	"context"
	"errors"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

var silenceCases = []conformanceCase{
	{"a lost answer leaves one machine", needs(loseAnswers), func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		x.silenced(ctx, l, 1)
		x.one(l, x.afterSilence(1))
	}},

	{"several lost answers leave one machine", needs(loseAnswers), func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		x.silenced(ctx, l, 3)
		x.one(l, x.afterSilence(3))
	}},

	{"calls that are lost before they have an effect are made again", needs(dropCalls), func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		f := x.arm(dropCalls, 3)
		x.launched(ctx, l)
		x.held(f, l)
		x.one(l, 1)
	}},

	{"a launch whose time ends in silence is ErrNoAnswer, and makes its one machine later", needs(dropCalls), func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		f := x.arm(dropCalls, forEver)
		short, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		start := time.Now()
		_, err := x.launch(short, l)
		x.failed(err, provisioner.ErrNoAnswer, "though no call got an answer")
		x.held(f, l)
		if took := time.Since(start); took > 3*time.Minute {
			x.errorf("the launch went on for %s after its time", took-2*time.Minute)
		}
		time.Sleep(time.Second) // for a call that was made at the last moment: it is lost, too
		x.none("though no call got through")
		f.end()
		x.launched(ctx, l)
		x.one(l, 1)
	}},

	{"a launch whose time is over makes no machine", nil, func(ctx context.Context, x *trial) {
		over, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := x.launch(over, x.order(42, 7)); err == nil {
			x.errorf("the launch succeeded after its context had ended; want an error")
		}
		x.none("after the launch's context had ended")
	}},

	{"a refusal after a lost answer does not hide the machine", needs(loseAnswers, refuse), func(ctx context.Context, x *trial) {
		x.afterLoss(ctx, refuse)
	}},

	{"a lack of room after a lost answer does not hide the machine", needs(loseAnswers, exhaust), func(ctx context.Context, x *trial) {
		x.afterLoss(ctx, exhaust)
	}},
}

// afterLoss launches where the first call makes a machine and loses its answer, and the cloud says
// no to what follows: nobody may take that for certain.
func (x *trial) afterLoss(ctx context.Context, p *faultPower) {
	l := x.order(42, 7)
	silence, no := x.arm(loseAnswers, 1), x.arm(p, forEver)
	m, err := x.launch(ctx, l)
	x.lost(silence)
	switch {
	case err == nil:
		if wrong := marks(m, l); wrong != "" {
			x.errorf("%s", wrong)
		}
	case !errors.Is(err, provisioner.ErrNoAnswer):
		x.errorf("the launch failed with %q, though there may be a machine; want its machine, or ErrNoAnswer", err)
	}
	x.one(l, 1)
	x.prove(ctx, no)
	no.end()
	x.launched(ctx, l)
	x.one(l, 2)
}
