package awsrunner_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

func TestLaunch(t *testing.T) {
	full := code("InsufficientInstanceCapacity")
	silence := errors.New("connection reset by peer")
	nothing := &ec2.DescribeInstancesOutput{}
	for _, c := range []struct {
		name    string
		market  awsrunner.Market
		api     *ec2API
		wantErr error
		machine string
		places  string
	}{
		{name: "one call makes one machine", api: &ec2API{run: []any{"i-1"}}, machine: "i-1", places: "small/b"},
		{name: "a lack of capacity leads to the next subnet, then to the next type", api: &ec2API{run: []any{full, full, "i-1"}}, machine: "i-1", places: "small/b small/a large/b"},
		{name: "no room anywhere is a lack of capacity", api: &ec2API{run: []any{full}}, wantErr: provisioner.ErrCapacity, places: "small/b small/a large/b large/a"},
		{
			name: "spot comes first everywhere, then on demand", market: awsrunner.SpotThenOnDemand,
			api:    &ec2API{run: []any{full, full, full, full, "i-1"}},
			places: "small/b/spot small/a/spot large/b/spot large/a/spot small/b", machine: "i-1",
		},
		{name: "spot alone stays spot", market: awsrunner.Spot, api: &ec2API{run: []any{full}}, wantErr: provisioner.ErrCapacity, places: "small/b/spot small/a/spot large/b/spot large/a/spot"},
		{name: "silence means the same call again", api: &ec2API{run: []any{silence, silence, "i-1"}}, machine: "i-1", places: "small/b small/b small/b"},
		{name: "so does a server that broke down", api: &ec2API{run: []any{code("InternalError"), code("Unavailable"), "i-1"}}, machine: "i-1", places: "small/b small/b small/b"},
		{name: "so does a call that hangs", api: &ec2API{run: []any{nil, "i-1"}}, machine: "i-1", places: "small/b small/b"},
		{name: "a throttled call is repeated", api: &ec2API{run: []any{code("RequestLimitExceeded"), "i-1"}}, machine: "i-1", places: "small/b small/b"},
		{name: "one that stays throttled waits for longer than a launch", api: &ec2API{run: []any{code("RequestLimitExceeded")}}, wantErr: &provisioner.RetryAfterError{}, places: strings.TrimSpace(strings.Repeat("small/b ", 6))},
		{name: "a refusal is final", api: &ec2API{run: []any{code("UnauthorizedOperation")}}, wantErr: provisioner.ErrRefused, places: "small/b"},
		{name: "a spent token is a machine that is over", api: &ec2API{run: []any{code("IdempotentInstanceTerminated")}}, wantErr: provisioner.ErrMachineEnded, places: "small/b"},
		{name: "so is an answer with a terminated machine", api: &ec2API{run: []any{types.InstanceStateNameTerminated}}, wantErr: provisioner.ErrMachineEnded, places: "small/b"},
		{
			name: "other parameters under the token are a machine of this registration, if it is alive",
			api:  &ec2API{run: []any{code("IdempotentParameterMismatch")}, describe: []any{instance("7", types.InstanceStateNameRunning)}}, machine: "i-found", places: "small/b",
		},
		{
			name: "or one that is over",
			api:  &ec2API{run: []any{code("IdempotentParameterMismatch")}, describe: []any{instance("7", types.InstanceStateNameTerminated)}}, wantErr: provisioner.ErrMachineEnded, places: "small/b",
		},
		{
			name: "or one that no list shows yet, so the call is repeated",
			api:  &ec2API{run: []any{code("IdempotentParameterMismatch")}, describe: []any{nothing, instance("7", types.InstanceStateNamePending)}}, machine: "i-found", places: "small/b small/b",
		},
		{
			name: "a lack of capacity after silence does not lead to the next place: the silent call may have made a machine",
			api:  &ec2API{run: []any{silence, full}, describe: []any{nothing}}, wantErr: provisioner.ErrUnavailable, places: "small/b small/b",
		},
		{
			name: "and is a launch when the machine is there",
			api:  &ec2API{run: []any{silence, full}, describe: []any{instance("7", types.InstanceStateNamePending)}}, machine: "i-found", places: "small/b small/b",
		},
		{
			name: "a machine of another registration is none of this launch",
			api:  &ec2API{run: []any{silence, code("UnauthorizedOperation")}, describe: []any{instance("6", types.InstanceStateNameRunning)}}, wantErr: provisioner.ErrRefused, places: "small/b small/b",
		},
		{
			name: "a mismatch says that an earlier call may have made a machine, so that a refusal after it is no certain no",
			api:  &ec2API{run: []any{code("IdempotentParameterMismatch"), code("UnauthorizedOperation")}, describe: []any{nothing, code("InternalError")}}, wantErr: provisioner.ErrNoAnswer,
			places: "small/b small/b",
		},
		{
			name: "a refusal after silence is unknown while the machines can't be listed",
			api:  &ec2API{run: []any{silence, code("UnauthorizedOperation")}, describe: []any{code("InternalError")}}, wantErr: provisioner.ErrNoAnswer, places: "small/b small/b",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := settings()
				s.Market = c.market
				var log bytes.Buffer
				m, err := provider(t, c.api, s, &log).Launch(t.Context(), order())
				var hint *provisioner.RetryAfterError
				switch {
				case c.wantErr == nil && err != nil:
					t.Errorf("error %v", err)
				case errors.As(c.wantErr, &hint) && !errors.As(err, &hint), hint == nil && !errors.Is(err, c.wantErr):
					t.Errorf("error %v, want %v", err, c.wantErr)
				}
				if m.ID != c.machine {
					t.Errorf("machine %q, want %q", m.ID, c.machine)
				}
				if got := places(c.api); got != c.places {
					t.Errorf("calls:\n got %s\nwant %s", got, c.places)
				}
				if err != nil && strings.Contains(err.Error(), config) || strings.Contains(log.String(), config) {
					t.Error("the configuration shows")
				}
			})
		})
	}
}

func TestEveryLackOfCapacityLeadsOn(t *testing.T) {
	for _, c := range []string{
		"InsufficientInstanceCapacity", "InsufficientHostCapacity", "InsufficientReservedInstanceCapacity", "InsufficientCapacityOnHost",
		"InsufficientFreeAddressesInSubnet", "MaxSpotInstanceCountExceeded", "MaxSpotFleetRequestCountExceeded", "MaxFleetCountExceeded", "VcpuLimitExceeded",
		"InstanceLimitExceeded", "UnfulfillableCapacity", "Unsupported", "ReservationCapacityExceeded", "TargetCapacityLimitExceededException", "ResourceLimitExceeded",
	} {
		api := &ec2API{run: []any{code(c), "i-1"}}
		if _, err := provider(t, api, settings(), nil).Launch(t.Context(), order()); err != nil || len(api.runs) != 2 {
			t.Errorf("%s: %v after %d calls", c, err, len(api.runs))
		}
	}
}

func TestLaunchRepeatsUntilItsTimeIsOverAndNothingIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &ec2API{run: []any{errors.New("no route to host")}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		_, err := provider(t, api, settings(), nil).Launch(ctx, order())
		if !errors.Is(err, provisioner.ErrNoAnswer) {
			t.Errorf("error %v", err)
		}
		for i := 1; i < len(api.at); i++ {
			if gap := api.at[i].Sub(api.at[i-1]); gap > 11*time.Second {
				t.Errorf("%s between two calls: a mending would be noticed late", gap)
			}
			if *api.runs[i].ClientToken != *api.runs[0].ClientToken {
				t.Error("the token changed")
			}
		}
	})
}

// Throttled is a definite no of one call, and says nothing about the silent one before it.
func TestThrottlingAfterSilenceIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &ec2API{run: []any{errors.New("connection reset by peer"), code("RequestLimitExceeded")}}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		_, err := provider(t, api, settings(), nil).Launch(ctx, order())
		var hint *provisioner.RetryAfterError
		if !errors.Is(err, provisioner.ErrNoAnswer) || errors.As(err, &hint) {
			t.Errorf("error %v after %d calls", err, len(api.runs))
		}
	})
}

// A registration that replaces another of the same name is another machine.
func TestEveryRegistrationHasItsOwnToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &ec2API{run: []any{"i-1"}}
		p := provider(t, api, settings(), nil)
		tokens := map[string]bool{}
		for _, id := range []int64{2, 4, 6} { // at the same place
			l := order()
			l.Runner.ID = id
			if _, err := p.Launch(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
		for _, in := range api.runs {
			tokens[*in.ClientToken] = true
		}
		if len(tokens) != 3 {
			t.Errorf("%d tokens for 3 registrations of one name", len(tokens))
		}
	})
}

func TestLaunchesKeepToEC2sTokenBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &ec2API{run: []any{"i-1"}}
		p := provider(t, api, settings(), nil)
		start := time.Now()
		var all sync.WaitGroup
		for range 25 {
			all.Go(func() {
				if _, err := p.Launch(t.Context(), order()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("25 launches took %s, want 10 s: 5 at once and 2 a second", took)
		}
	})
}
