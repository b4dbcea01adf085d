package onced

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/onced/onced/clients/go/oncedv1"
)

// Result is an outcome as it is stored.
type Result struct {
	Data            []byte
	ContentType     string
	ContentEncoding string
	// Labels are replayed with the result, such as an HTTP status. Up to 16, names 1 to 64 bytes, values up to 256 bytes.
	Labels map[string]string

	// Replayed: the work was done earlier, it did not run now.
	Replayed bool
	// ExpireTime is from when on the key counts as never seen.
	ExpireTime time.Time
}

// Work is the side effect. Its context has the caller's values but not the caller's end: work that has begun is
// finished. It ends before the lease could be lost; then stop at once, and begin nothing new. context.Cause tells why.
type Work func(ctx context.Context, attempt *Attempt) (*Result, error)

// Do runs work unless key was done before, and returns the stored result if it was. It is RunOnce for results that are
// bytes already; its errors are those of RunOnce.
func (c *Client) Do(ctx context.Context, namespace, key string, work Work, options ...RunOption) (result *Result, err error) {
	ctx, endSpan := c.options.startSpan(ctx, "onced.run", slog.String("namespace", namespace))
	defer func() { endSpan(err) }()
	o := c.runOptions(options)
	won, err := c.claim(ctx, o.beginRequest(namespace, key), &o)
	if err != nil {
		return nil, err
	}
	if won.completed != nil {
		return replay(won.completed)
	}
	return won.attempt.run(ctx, won.sentAt, work, &o)
}

func (o *runOptions) beginRequest(namespace, key string) *oncedv1.BeginIntentRequest {
	return &oncedv1.BeginIntentRequest{
		Namespace: namespace, Key: key, Fingerprints: o.fingerprints, AttemptId: NewAttemptID(),
		Owner: o.owner, Lease: o.lease, Ttl: o.ttl, Labels: o.labels,
	}
}

// run does the work and records how it ended. Neither the end of ctx nor a panic keeps it from recording.
func (a *Attempt) run(ctx context.Context, sentAt time.Time, work Work, o *runOptions) (*Result, error) {
	ctx = context.WithoutCancel(ctx)
	workCtx, cancelWork := context.WithCancelCause(ctx)
	defer cancelWork(nil)
	a.start(ctx, sentAt, cancelWork)
	defer a.stop()
	hasReturned := false
	defer func() {
		if !hasReturned {
			// A panic, or runtime.Goexit: what was done before it is not known here.
			a.client.options.logger.ErrorContext(ctx, "onced: the work panicked", a.logAttributes()...)
			_ = a.fail(ctx, Unknown(errors.New("the work panicked")))
		}
	}()
	result, err := work(workCtx, a)
	a.workEnded()
	meaning := o.classified(err)
	hasReturned = true
	if meaning != nil {
		return result, a.fail(ctx, meaning)
	}
	if result == nil {
		result = &Result{}
	}
	return result, a.complete(ctx, result)
}
