package onced

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// callRule says how one RPC is bounded and repeated.
type callRule struct {
	name       string
	tryTimeout time.Duration
	// isPersistent: repeated until ctx ends, whatever the budget says. For outcomes, which must not be lost.
	isPersistent bool
	// tries bounds the others.
	tries int
}

// call makes an RPC, repeating it as long as that is allowed and can help. sentAt is when the answered try was sent, on
// the monotonic clock: the lease in an answer counts from there. A try that gets no answer in time counts as unavailable.
func call[Request, Response any](
	ctx context.Context, c *Client, rule callRule, request Request,
	invoke func(context.Context, Request, ...grpc.CallOption) (Response, error),
) (response Response, sentAt time.Time, err error) {
	ctx, endSpan := c.options.startSpan(ctx, "onced."+rule.name)
	defer func() { endSpan(err) }()
	var last error
	for try := 1; ; try++ {
		sentAt = time.Now()
		response, err = invokeOnce(ctx, rule.tryTimeout, request, invoke)
		if err == nil {
			c.budget.succeeded()
			return response, sentAt, nil
		}
		if ctx.Err() != nil {
			return response, sentAt, ended(ctx, rule.name, last)
		}
		failure := fromStatus(err)
		if c.isClosed.Load() {
			failure = &Error{Code: codes.Canceled, Message: "the client is closed", cause: err}
		}
		last = failure
		if !c.mayRepeat(rule, failure, try) {
			return response, sentAt, failure
		}
		c.options.logger.DebugContext(ctx, "onced: trying again",
			slog.String("rpc", rule.name), slog.Int("try", try), slog.Any("error", failure))
		isRested := pause(ctx, failure.RetryAfter+backoffFor(try))
		if ctx.Err() != nil {
			return response, sentAt, ended(ctx, rule.name, last)
		}
		if !isRested {
			return response, sentAt, failure
		}
	}
}

func (c *Client) mayRepeat(rule callRule, failure *Error, try int) bool {
	if rule.isPersistent {
		// A bug of the server may pass with its restart.
		return failure.Temporary() || errors.Is(failure, ErrInternal)
	}
	return failure.Temporary() && c.budget.failed() && try < rule.tries
}

func invokeOnce[Request, Response any](
	ctx context.Context, timeout time.Duration, request Request,
	invoke func(context.Context, Request, ...grpc.CallOption) (Response, error),
) (Response, error) {
	tryCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return invoke(tryCtx, request)
}

// ended tells why the caller stopped waiting, and what the server had last said if it had.
func ended(ctx context.Context, name string, last error) error {
	if last == nil {
		return fmt.Errorf("onced: %s: %w", name, context.Cause(ctx))
	}
	return fmt.Errorf("onced: %s: %w (last answer: %w)", name, context.Cause(ctx), last)
}

// backoffFor is full jitter: anything from nothing to the bound, so that clients that failed together come back apart.
func backoffFor(try int) time.Duration {
	bound := min(backoffBase<<min(try-1, 10), backoffMax)
	return rand.N(bound + 1)
}

// pause waits, and tells whether it waited in full. A pause that would outlast the deadline is not begun.
func pause(ctx context.Context, duration time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= duration {
		return false
	}
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// retryBudget keeps retries from multiplying the load on a server that is already failing, as in gRPC's own throttling.
type retryBudget struct {
	mutex  sync.Mutex
	tokens float64
}

func newRetryBudget() *retryBudget { return &retryBudget{tokens: budgetTokens} }

func (b *retryBudget) succeeded() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.tokens = min(b.tokens+budgetRefill, budgetTokens)
}

// failed tells whether a retry is allowed.
func (b *retryBudget) failed() bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.tokens = max(b.tokens-1, 0)
	return b.tokens > budgetTokens/2
}

func (b *retryBudget) isUsedUp() bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.tokens <= budgetTokens/2
}
