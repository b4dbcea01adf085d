package onced

import (
	"context"
	"errors"
	"log/slog"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/onced/onced/clients/go/oncedv1"
)

var (
	errCallerLeft = &WorkError{
		Kind: oncedv1.FailKind_FAIL_KIND_RETRYABLE, Code: "CALLER_LEFT", Message: "the caller left before the work began",
	}
	errOutcomeRefused = &WorkError{
		Kind: oncedv1.FailKind_FAIL_KIND_UNKNOWN, Code: "OUTCOME_REFUSED",
		Message: "the work ended, but its outcome could not be stored",
	}
)

// complete records the result of the work.
func (a *Attempt) complete(ctx context.Context, result *Result) error {
	response, err := a.client.Complete(ctx, &oncedv1.CompleteRequest{
		Namespace: a.namespace, Key: a.key, LeaseToken: a.acquired.GetLeaseToken(),
		Result: result.Data, ContentType: result.ContentType, ContentEncoding: result.ContentEncoding, Labels: result.Labels,
	})
	if err != nil {
		a.holdIfRefused(ctx, err)
		return a.notRecorded(ctx, err, nil)
	}
	result.ExpireTime = response.GetRecord().GetExpireTime().AsTime()
	return nil
}

// fail records how the work failed, and returns what the run returns: the work's own error, unless that is the outcome.
func (a *Attempt) fail(ctx context.Context, failure *WorkError) error {
	request := a.failRequest(failure)
	response, err := a.client.Fail(ctx, request)
	isFinal := failure.Kind == oncedv1.FailKind_FAIL_KIND_FINAL
	if err != nil {
		a.holdIfRefused(ctx, err)
		notRecorded := a.notRecorded(ctx, err, failure.own())
		if isFinal {
			return notRecorded
		}
		return failure.own() // the lease runs out, and the next attempt is told that it takes over
	}
	if !isFinal {
		return failure.own()
	}
	return &FailedError{
		Code: request.GetError().GetCode(), Message: request.GetError().GetMessage(), Detail: failure.Detail,
		ContentType: failure.ContentType, ExpireTime: response.GetRecord().GetExpireTime().AsTime(), cause: failure,
	}
}

func (a *Attempt) failRequest(failure *WorkError) *oncedv1.FailRequest {
	request := &oncedv1.FailRequest{
		Namespace: a.namespace, Key: a.key, LeaseToken: a.acquired.GetLeaseToken(),
		Error: failure.intentError(), Kind: failure.Kind,
	}
	if failure.RetryAfter > 0 {
		request.RetryAfter = durationpb.New(failure.RetryAfter)
	}
	return request
}

// holdIfRefused: an outcome that cannot be stored, being too large, must still keep anybody from doing it again. If this
// fails too, the lease runs out and the next attempt is told that it takes over.
func (a *Attempt) holdIfRefused(ctx context.Context, err error) {
	if errors.Is(err, ErrInvalidField) {
		_, _ = a.client.Fail(ctx, a.failRequest(errOutcomeRefused))
	}
}

func (a *Attempt) notRecorded(ctx context.Context, reason, work error) error {
	attributes := append(a.logAttributes(), slog.Any("error", reason))
	a.client.options.logger.ErrorContext(ctx, "onced: an outcome could not be recorded", attributes...)
	return &NotRecordedError{Reason: reason, Work: work}
}
