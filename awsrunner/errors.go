package awsrunner

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// answer is what an error of EC2's says about a launch. The SDK calls all of EC2's errors by an
// unknown fault, so the code alone decides; the codes are listed at
// https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html.
type answer int

const (
	silent    answer = iota // unknown whether there is an instance
	unsent                  // nothing was made: the call never left
	noRoom                  // nothing was made; another place may do
	throttled               // nothing was made; later
	refused                 // nothing was made, and won't be until somebody mends it
	ended                   // the instance of this token is over
	mismatch                // this token made an instance with other parameters
)

var noRoomCodes = []string{
	"InsufficientInstanceCapacity", "InsufficientHostCapacity", "InsufficientReservedInstanceCapacity", "InsufficientCapacityOnHost",
	"InsufficientFreeAddressesInSubnet", "InsufficientCapacity", "MaxSpotInstanceCountExceeded", "MaxSpotFleetRequestCountExceeded", "MaxFleetCountExceeded",
	"VcpuLimitExceeded", "InstanceLimitExceeded", "UnfulfillableCapacity", "Unsupported", "ReservationCapacityExceeded",
	"TargetCapacityLimitExceededException", "ResourceLimitExceeded", "SpotMaxPriceTooLow",
}

var throttledCodes = []string{"RequestLimitExceeded", "Throttling", "ThrottlingException", "ThrottledException", "EC2ThrottledException", "RequestThrottled", "TooManyRequestsException", "SlowDown"}

// silentCodes are those of servers that broke down: the call may have had its effect.
var silentCodes = []string{"InternalError", "InternalFailure", "Unavailable", "ServiceUnavailable", "RequestTimeout", "RequestTimeoutException", "InternalServerError"}

func judge(err error) answer {
	if _, ok := errors.AsType[*tokenSpent](err); ok {
		return ended
	}
	if _, ok := errors.AsType[*neverSent](err); ok {
		return unsent
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return silent
	}
	code := api.ErrorCode()
	switch {
	case slices.Contains(noRoomCodes, code):
		return noRoom
	case slices.Contains(throttledCodes, code):
		return throttled
	case code == "IdempotentInstanceTerminated":
		return ended
	case code == "IdempotentParameterMismatch":
		return mismatch
	case code == "" || code == "UnknownError" || slices.Contains(silentCodes, code) || api.ErrorFault() == smithy.FaultServer:
		return silent
	default:
		return refused
	}
}

// explain puts an error of EC2's in words: its code and message, and never the request, which holds
// the runner's configuration.
func explain(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() != "" {
		return strings.TrimSpace(api.ErrorCode() + ": " + api.ErrorMessage())
	}
	if op, ok := errors.AsType[*smithy.OperationError](err); ok {
		return op.Err.Error()
	}
	return err.Error()
}

// read is the error of a call that changes nothing, or may be repeated.
func read(what string, err error) error {
	sentinel := provisioner.ErrUnavailable
	switch judge(err) {
	case throttled:
		return &provisioner.RetryAfterError{After: throttlePause, Err: fmt.Errorf("aws: %s: %s", what, explain(err))}
	case refused, noRoom, ended, mismatch:
		sentinel = provisioner.ErrRefused
	case silent, unsent:
	}
	return fmt.Errorf("aws: %s: %s: %w", what, explain(err), sentinel)
}
