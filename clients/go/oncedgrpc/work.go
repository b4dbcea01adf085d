package oncedgrpc

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	onced "github.com/onced/onced/clients/go"
)

// work is one call on its way to a response.
type work struct {
	interceptor *interceptor
	method      string
	request     any
	next        grpc.UnaryHandler
	ended       chan struct{}

	// Set before ended is closed.
	result   *onced.Result
	err      error
	panicked any
	hasRun   bool
}

// outcome waits in the caller's time, and lets the work go on when the caller has left.
func (w *work) outcome(ctx context.Context, key string, options []onced.RunOption) (any, error) {
	go w.run(ctx, key, options)
	select {
	case <-w.ended:
		return w.finish(ctx)
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

// run ends the waiting for somebody else when the caller leaves; Onced keeps the work itself from that.
func (w *work) run(ctx context.Context, key string, options []onced.RunOption) {
	defer close(w.ended)
	defer func() { w.panicked = recover() }()
	w.result, w.err = w.interceptor.client.Do(ctx, w.interceptor.namespace, key, w.serve, options...)
}

func (w *work) finish(ctx context.Context) (any, error) {
	if w.panicked != nil {
		panic(w.panicked) // whatever deals with a method's panics is on the server's goroutine
	}
	var failed *onced.FailedError
	switch {
	case w.err == nil:
		w.markReplay(ctx, w.result.Replayed)
		return restoredResponse(w.method, w.result)
	case errors.As(w.err, &failed):
		w.markReplay(ctx, failed.Replayed)
		return nil, restoredStatus(failed)
	case w.hasRun && !errors.As(w.err, new(*onced.NotRecordedError)):
		return nil, statusOf(w.err)
	default:
		return nil, refusal(w.err)
	}
}

func (w *work) markReplay(ctx context.Context, isReplayed bool) {
	if isReplayed {
		// It fails only when the header has gone, which an interceptor before us may have done.
		_ = grpc.SetHeader(ctx, metadata.Pairs("idempotency-replayed", "true"))
	}
}

func (w *work) serve(ctx context.Context, attempt *onced.Attempt) (*onced.Result, error) {
	w.hasRun = true
	response, err := w.next(context.WithValue(ctx, attemptKey{}, attempt), w.request)
	if err != nil {
		return nil, w.failure(err)
	}
	message, ok := response.(proto.Message)
	if !ok {
		return nil, onced.Unknown(refusalNotProtobuf)
	}
	return storedResponse(message)
}

func (w *work) failure(err error) error {
	answer := status.Convert(err)
	switch w.interceptor.options.judge(answer.Code()) {
	case onced.Release:
		return onced.Retryable(err, retryDelay(answer))
	case onced.Hold:
		return onced.Unknown(err)
	default:
		return storedStatus(answer)
	}
}

// statusOf is the method's own status, which a WorkError wraps.
func statusOf(err error) error {
	var work *onced.WorkError
	if errors.As(err, &work) && work.Err != nil {
		return status.Convert(work.Err).Err()
	}
	return status.Convert(err).Err()
}

type attemptKey struct{}

// Attempt is the attempt under which a method runs: its fencing token, its checkpoint. Nil outside the interceptor.
func Attempt(ctx context.Context) *onced.Attempt {
	attempt, _ := ctx.Value(attemptKey{}).(*onced.Attempt)
	return attempt
}
