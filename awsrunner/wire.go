package awsrunner

import (
	"context"
	"errors"
	"net"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go/middleware"
)

// wire watches whether a call can have reached EC2. Without credentials, or without a connection,
// it never left, and a repetition need not wait for the answer to it. Clients that are not the
// SDK's do not tell.
type wire struct{ begun, sent bool }

// watch is an option of a call.
func (w *wire) watch(o *ec2.Options) {
	o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
		if err := s.Initialize.Add(middleware.InitializeMiddlewareFunc("runner-provisioner: begun",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				w.begun = true
				return next.HandleInitialize(ctx, in)
			}), middleware.Before); err != nil {
			return err
		}
		// Credentials and signature come before this step.
		return s.Deserialize.Add(middleware.DeserializeMiddlewareFunc("runner-provisioner: sent",
			func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
				w.sent = true
				return next.HandleDeserialize(ctx, in)
			}), middleware.Before)
	})
}

func (w *wire) judge(err error) error {
	op, ok := errors.AsType[*net.OpError](err)
	if w.begun && !w.sent || ok && op.Op == "dial" {
		return &neverSent{err}
	}
	return err
}

// neverSent is the error of a call that did not leave.
type neverSent struct{ err error }

// Error implements error.
func (e *neverSent) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *neverSent) Unwrap() error { return e.err }
