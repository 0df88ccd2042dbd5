package main

import (
	"context"
	"crypto/sha256"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// identity is a job's trace, which every process finds by itself: those before a restart and those
// after it, and replicas beside each other, write into one trace, and the same span twice is the
// same one.
type identity struct {
	trace trace.TraceID
	span  trace.SpanID
}

func identityOf(j journal.Job) identity {
	sum := sha256.Sum256([]byte("github-runner-provisioner job " + j.Key()))
	return identity{trace: trace.TraceID(sum[:16])}
}

type identityKey struct{}

// as has the next span that is begun in a context be the one of this name that began then.
func (id identity) as(ctx context.Context, name string, from time.Time) context.Context {
	sum := sha256.Sum256([]byte(id.trace.String() + " " + name + " " + strconv.FormatInt(from.UnixNano(), 10)))
	id.span = trace.SpanID(sum[:8])
	return context.WithValue(ctx, identityKey{}, id)
}

// identities takes the identities of spans from their contexts. It makes a generator for the SDK.
type identities struct{}

// NewIDs implements sdktrace.IDGenerator.
func (identities) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id := ctx.Value(identityKey{}).(identity)
	return id.trace, id.span
}

// NewSpanID implements sdktrace.IDGenerator.
func (identities) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	return ctx.Value(identityKey{}).(identity).span
}
