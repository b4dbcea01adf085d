package onced

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/onced/onced/clients/go/oncedv1"
)

// Outcomes of a begin other than a lease, as results and errors.

func replay(completed *oncedv1.Completed) (*Result, error) {
	if completed.GetResultDropped() {
		return nil, &ResultDroppedError{
			Labels:       completed.GetLabels(),
			CompleteTime: completed.GetCompleteTime().AsTime(),
			ExpireTime:   completed.GetExpireTime().AsTime(),
		}
	}
	return &Result{
		Data:            completed.GetResult(),
		ContentType:     completed.GetContentType(),
		ContentEncoding: completed.GetContentEncoding(),
		Labels:          completed.GetLabels(),
		Replayed:        true,
		ExpireTime:      completed.GetExpireTime().AsTime(),
	}, nil
}

func replayedFailure(failed *oncedv1.Failed) *FailedError {
	return &FailedError{
		Code:              failed.GetError().GetCode(),
		Message:           failed.GetError().GetMessage(),
		Detail:            failed.GetError().GetDetail(),
		ContentType:       failed.GetError().GetContentType(),
		AttemptsExhausted: failed.GetAttemptsExhausted(),
		Replayed:          true,
		ExpireTime:        failed.GetExpireTime().AsTime(),
	}
}

func inProgress(outcome *oncedv1.InProgress) *InProgressError {
	return &InProgressError{
		RetryAfter: orUnknown(outcome.GetRetryAfter()),
		Attempt:    outcome.GetAttempt(),
		Owner:      outcome.GetOwner(),
	}
}

func retryLater(outcome *oncedv1.RetryLater) *RetryLaterError {
	return &RetryLaterError{RetryAfter: orUnknown(outcome.GetRetryAfter()), LastError: outcome.GetLastError()}
}

func orphaned(outcome *oncedv1.Orphaned) *OrphanedError {
	return &OrphanedError{
		Since:      outcome.GetOrphan().GetOrphanTime().AsTime(),
		Cause:      outcome.GetOrphan().GetCause(),
		Attempt:    outcome.GetAttempt(),
		Owner:      outcome.GetOwner(),
		LastError:  outcome.GetLastError(),
		RetryAfter: outcome.GetRetryAfter().AsDuration(),
	}
}

func orUnknown(duration *durationpb.Duration) time.Duration {
	return orDefault(duration.AsDuration(), retryAfterUnknown)
}
