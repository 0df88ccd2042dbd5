package awsrunner

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
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
	code := codeOf(err)
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

// codeOf returns the code of an error of EC2's; "" if it is none.
func codeOf(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	return api.ErrorCode()
}

// explain puts an error of EC2's in words: its code and message, and never what was sent. The
// "encoded authorization failure message" that EC2 adds is a KB or two that holds all of the
// request's context, tags included.
func explain(err error, sent ...provisioner.Secret) string {
	text := err.Error()
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() != "" {
		text = api.ErrorCode() + ": " + api.ErrorMessage()
	} else if op, ok := errors.AsType[*smithy.OperationError](err); ok {
		text = op.Err.Error()
	}
	text, _, _ = strings.Cut(text, "Encoded authorization failure message")
	return provisioner.Redact(text, sent...)
}

// secrets are what a request has that no error may show: the runner's configuration, and the user
// data around it, which EC2 knows in base64.
func secrets(l provisioner.Launch, in *ec2.RunInstancesInput) []provisioner.Secret {
	return []provisioner.Secret{l.JITConfig, provisioner.NewSecret(aws.ToString(in.UserData))}
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
