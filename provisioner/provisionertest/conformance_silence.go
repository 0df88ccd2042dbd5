package provisionertest

import (
	"context"
	"errors"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// forEver is more calls than any provider makes.
const forEver = 1 << 30

var silenceCases = []conformanceCase{
	{"a lost answer leaves one machine", func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		x.LoseAnswers(1)
		x.launched(ctx, l)
		x.one(l, x.afterSilence(1))
	}},

	{"several lost answers leave one machine", func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		x.LoseAnswers(3)
		x.launched(ctx, l)
		x.one(l, x.afterSilence(3))
	}},

	{"calls that are lost before they have an effect are made again", func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		x.FailBefore(3)
		x.launched(ctx, l)
		x.one(l, 1)
	}},

	{"a launch whose time ends in silence is ErrNoAnswer, and makes its one machine later", func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		x.FailBefore(forEver)
		short, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		start := time.Now()
		if _, err := x.launch(short, l); !errors.Is(err, provisioner.ErrNoAnswer) {
			x.fault("error %v, want %v", err, provisioner.ErrNoAnswer)
		}
		if took := time.Since(start); took > 3*time.Minute {
			x.fault("the launch went on for %s after its time", took-2*time.Minute)
		}
		x.none("in silence")
		x.FailBefore(0)
		x.launched(ctx, l)
		x.one(l, 1)
	}},

	{"a launch whose time is over makes no machine", func(ctx context.Context, x *trial) {
		over, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := x.launch(over, x.order(42, 7)); err == nil {
			x.fault("no error")
		}
		x.none("after the time")
	}},

	{"a refusal after a lost answer does not hide the machine", func(ctx context.Context, x *trial) {
		x.afterLoss(ctx, x.Refuse)
	}},

	{"a lack of room after a lost answer does not hide the machine", func(ctx context.Context, x *trial) {
		x.afterLoss(ctx, x.Exhaust)
	}},
}

// afterLoss launches where the first call makes a machine and loses its answer, and the cloud says no to what follows: nobody may take that for certain.
func (x *trial) afterLoss(ctx context.Context, order func(on bool)) {
	l := x.order(42, 7)
	x.LoseAnswers(1)
	order(true)
	m, err := x.launch(ctx, l)
	switch {
	case err == nil:
		if wrong := marks(m, l); wrong != "" {
			x.fault("%s", wrong)
		}
	case !errors.Is(err, provisioner.ErrNoAnswer):
		x.fault("error %v, though there is a machine; want none or %v", err, provisioner.ErrNoAnswer)
	}
	x.one(l, 1)
	order(false)
	x.launched(ctx, l)
	x.one(l, 2)
}
