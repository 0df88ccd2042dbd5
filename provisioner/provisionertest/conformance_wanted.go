package provisionertest

import (
	"context"
	"fmt"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

var wantedCases = []conformanceCase{
	{"a lost call is not made again for a machine that nobody wants any more", needs(dropCalls), func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		f := x.arm(dropCalls, 1)
		err := x.unwanted(ctx, l, f)
		x.held(f, l)
		x.failed(err, provisioner.ErrNotWanted, "though nobody wanted its machine any more")
		x.none("though nobody wanted one any more")
	}},

	{"a call that lost its answer is not made again for a machine that nobody wants any more", needs(loseAnswers), func(ctx context.Context, x *trial) {
		l := x.order(42, 7)
		f, looks := x.arm(loseAnswers, 1), x.looks()
		err := x.unwanted(ctx, l, f)
		x.lost(f)
		x.unheard(f, looks, err == nil)
		if asked, _ := f.counts(); asked > 1 {
			x.errorf("%d launch calls were made, though nobody wanted the machine any more after the first", asked)
		}
		if err != nil { // a provider that looks at once may find its machine before it asks
			x.failed(err, provisioner.ErrNotWanted, "though nobody wanted its machine any more")
		}
	}},
}

// unwanted launches a machine that nobody wants any more once the fault has hit.
func (x *trial) unwanted(ctx context.Context, l provisioner.Launch, f *armedFault) error {
	l.Confirm = func(context.Context) error {
		if _, hits := f.counts(); hits > 0 {
			return fmt.Errorf("%s: %w", l.Job, provisioner.ErrNotWanted)
		}
		return nil
	}
	_, err := x.launch(ctx, l)
	return err
}
