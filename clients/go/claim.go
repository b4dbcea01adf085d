package onced

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/onced/onced/clients/go/oncedv1"
)

// claimed is what ends the asking without an error: a lease, or a stored result.
type claimed struct {
	attempt   *Attempt
	sentAt    time.Time // when the answered begin was sent; the lease counts from there
	completed *oncedv1.Completed
}

// asked is what one begin came to: a claim, or an error with the pause after which asking again may help.
type asked struct {
	claimed      *claimed
	err          error
	pause        time.Duration
	isOver       bool // asking again does not help
	isUnanswered bool // the server did not answer: what it may have granted is found only by this attempt id
}

// claim begins until there is an answer that ends the asking. It waits for those who are at it, and repeats what was not
// answered with the same attempt id.
func (c *Client) claim(ctx context.Context, request *oncedv1.BeginIntentRequest, o *runOptions) (*claimed, error) {
	waitUntil, answerUntil := time.Now().Add(o.wait), time.Now().Add(o.beginTimeout)
	isWaitRefused := false
	for unanswered := 0; ; {
		request.Wait = waitSlice(ctx, waitUntil)
		if isWaitRefused {
			request.Wait = nil // this namespace allows none, or not as much: ask again and again
		}
		answer := c.askShielded(ctx, request)
		if !isWaitRefused && refusesWait(answer.err) {
			isWaitRefused = true
			continue
		}
		if answer.isOver {
			return answer.claimed, answer.err
		}
		until := waitUntil
		if answer.isUnanswered {
			unanswered++
			until = answerUntil
			answer.pause += c.pauseUnanswered(unanswered)
			c.options.logger.DebugContext(ctx, "onced: trying again",
				slog.String("rpc", "BeginIntent"), slog.Int("try", unanswered), slog.Any("error", answer.err))
		} else {
			unanswered = 0
			answerUntil = time.Now().Add(o.beginTimeout)
		}
		if errors.Is(answer.err, ErrAttemptEnded) {
			request.AttemptId = NewAttemptID() // a copy of our begin was ended by somebody else: this is a new try
		}
		isTooLong := time.Until(until) < answer.pause
		if isTooLong || !pause(ctx, answer.pause) {
			return nil, firstNonNil(callerLeft(ctx, answer.err), answer.err)
		}
	}
}

func refusesWait(err error) bool {
	var failure *Error
	if !errors.As(err, &failure) || !errors.Is(err, ErrInvalidField) {
		return false
	}
	_, isWait := failure.Fields["wait"]
	return isWait && len(failure.Fields) == 1
}

// pauseUnanswered: within the budget for retries soon, beyond it slowly.
func (c *Client) pauseUnanswered(unanswered int) time.Duration {
	if c.budget.isUsedUp() {
		return backoffMax/2 + rand.N(backoffMax)
	}
	return backoffFor(unanswered)
}

// waitSlice leaves time for the way back, so that a wait ends with an answer and not with the caller's time.
func waitSlice(ctx context.Context, until time.Time) *durationpb.Duration {
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-wayBack).Before(until) {
		until = deadline.Add(-wayBack)
	}
	wait := min(time.Until(until), waitSliceMax).Truncate(time.Millisecond)
	if wait <= 0 {
		return nil
	}
	return durationpb.New(wait)
}

// askShielded lets a begin whose caller leaves come to its end, since it may still win the lease, which has to be given
// back then.
func (c *Client) askShielded(ctx context.Context, request *oncedv1.BeginIntentRequest) asked {
	left := asked{err: callerLeft(ctx, nil), isOver: true}
	if left.err != nil {
		return left
	}
	answers := make(chan asked, 1)
	go func() { answers <- c.ask(context.WithoutCancel(ctx), request) }()
	select {
	case answer := <-answers:
		if ctx.Err() == nil {
			return answer
		}
		answers <- answer
	case <-ctx.Done():
	}
	go c.giveBack(context.WithoutCancel(ctx), answers)
	left.err = callerLeft(ctx, nil)
	return left
}

func (c *Client) giveBack(ctx context.Context, answers <-chan asked) {
	answer := <-answers
	if answer.claimed == nil || answer.claimed.attempt == nil {
		return
	}
	attempt := answer.claimed.attempt
	if _, err := c.Fail(ctx, attempt.failRequest(errCallerLeft)); err != nil {
		c.options.logger.WarnContext(ctx, "onced: a lease that nobody wants could not be given back",
			append(attempt.logAttributes(), slog.Any("error", err))...)
	}
}

func (c *Client) ask(ctx context.Context, request *oncedv1.BeginIntentRequest) asked {
	response, sentAt, err := c.begin(ctx, request, 1)
	var failure *Error
	switch {
	case err == nil:
		return c.judge(request, response, sentAt)
	case errors.As(err, &failure) && (failure.Temporary() || errors.Is(err, ErrAttemptEnded)):
		return asked{err: err, isUnanswered: true, pause: failure.RetryAfter}
	default:
		return asked{err: err, isOver: true}
	}
}

func (c *Client) judge(
	request *oncedv1.BeginIntentRequest, response *oncedv1.BeginIntentResponse, sentAt time.Time,
) asked {
	switch outcome := response.GetOutcome().(type) {
	case *oncedv1.BeginIntentResponse_Acquired:
		won := &claimed{attempt: c.newAttempt(request, outcome.Acquired), sentAt: sentAt}
		if won.mayHaveLapsed() {
			// The answer took longer than the lease, as it may after a wait: the same attempt has it counted anew.
			return asked{err: fmt.Errorf("onced: the answer took longer than the lease: %w", ErrLeaseLapsed), isUnanswered: true}
		}
		return asked{claimed: won, isOver: true}
	case *oncedv1.BeginIntentResponse_Completed:
		return asked{claimed: &claimed{completed: outcome.Completed}, isOver: true}
	case *oncedv1.BeginIntentResponse_Failed:
		return asked{err: replayedFailure(outcome.Failed), isOver: true}
	case *oncedv1.BeginIntentResponse_Orphaned:
		return asked{err: orphaned(outcome.Orphaned), isOver: true}
	case *oncedv1.BeginIntentResponse_RetryLater:
		later := retryLater(outcome.RetryLater)
		// Not before that; spread a little beyond it.
		return asked{err: later, pause: later.RetryAfter + rand.N(later.RetryAfter/10+1)}
	default:
		// In progress, and whatever a newer server may say: the side effect must not be done.
		busy := inProgress(response.GetInProgress())
		return asked{err: busy, pause: min(busy.RetryAfter, askAgainMax)/2 + rand.N(askAgainMax/2)}
	}
}

func (c *claimed) mayHaveLapsed() bool {
	lease := c.attempt.acquired.GetLeaseRemaining().AsDuration()
	return !c.attempt.IsDegraded() && time.Since(c.sentAt) >= lease-stopMargin(lease)
}

// callerLeft is nil while the caller is there.
func callerLeft(ctx context.Context, last error) error {
	if ctx.Err() == nil {
		return nil
	}
	return ended(ctx, "BeginIntent", last)
}

func firstNonNil(first, second error) error {
	if first != nil {
		return first
	}
	return second
}
