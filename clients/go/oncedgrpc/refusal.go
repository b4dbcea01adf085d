package oncedgrpc

import (
	"context"
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	onced "github.com/onced/onced/clients/go"
)

// Refusals carry an ErrorInfo of this domain, so that callers can tell them from errors of the method itself.
const refusalDomain = "idempotency.onced.v1"

var (
	refusalKeyMissing    = refused(codes.InvalidArgument, "KEY_MISSING", "this method needs an idempotency-key", 0)
	refusalKeyMalformed  = refused(codes.InvalidArgument, "KEY_MALFORMED", "an idempotency-key is one value of 1 to 255 visible bytes", 0)
	refusalNobody        = refused(codes.Unauthenticated, "UNAUTHENTICATED", "an idempotency key needs an authenticated caller", 0)
	refusalNotProtobuf   = refused(codes.Internal, "NOT_PROTOBUF", "only protobuf messages can be made idempotent", 0)
	refusalKeyReused     = refused(codes.FailedPrecondition, "KEY_REUSED", "this key stands for another request; use a new key for a new request", 0)
	refusalUnknown       = refused(codes.Aborted, "OUTCOME_UNKNOWN", "nobody knows whether the first call took effect; somebody is to look into it", 0)
	refusalNotKept       = refused(codes.DataLoss, "RESPONSE_NOT_KEPT", "the call was carried out; its response is past its retention", 0)
	refusalExhausted     = refused(codes.FailedPrecondition, "ATTEMPTS_EXHAUSTED", "this key has used up its attempts", 0)
	refusalNotRecorded   = refused(codes.Unavailable, "NOT_RECORDED", "the call was carried out, but its outcome could not be recorded", 0)
	refusalMisconfigured = refused(codes.Internal, "REFUSED", "the idempotency service refused the call", 0)
)

func refusalNoFingerprint(err error) error {
	return refused(codes.InvalidArgument, "NO_FINGERPRINT", err.Error(), 0)
}

// refusal answers a call whose method did not run. Nothing of the stored request is ever told.
func refusal(err error) error {
	var inProgress *onced.InProgressError
	var later *onced.RetryLaterError
	var failure *onced.Error
	switch {
	case errors.As(err, &inProgress):
		return refused(codes.Unavailable, "IN_PROGRESS", "the first call with this key is still running", inProgress.RetryAfter)
	case errors.As(err, &later):
		return refused(codes.Unavailable, "RETRY_LATER", "the call may be tried again later, with the same key", later.RetryAfter)
	case errors.Is(err, onced.ErrKeyReused):
		return refusalKeyReused
	case errors.As(err, new(*onced.OrphanedError)):
		return refusalUnknown
	case errors.As(err, new(*onced.ResultDroppedError)):
		return refusalNotKept
	case errors.As(err, new(*onced.FailedError)):
		return refusalExhausted
	case errors.As(err, new(*onced.NotRecordedError)):
		return refusalNotRecorded
	case errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(context.DeadlineExceeded).Err()
	case errors.Is(err, context.Canceled):
		return status.FromContextError(context.Canceled).Err()
	case errors.As(err, &failure) && failure.Temporary():
		return refused(codes.Unavailable, "UNAVAILABLE", "nothing was done; try again with the same key", max(failure.RetryAfter, time.Second))
	default:
		return refusalMisconfigured
	}
}

func refused(code codes.Code, reason, message string, retryAfter time.Duration) error {
	answer := status.New(code, message)
	info := &errdetails.ErrorInfo{Reason: reason, Domain: refusalDomain}
	// Attaching details fails only for OK.
	answer, _ = answer.WithDetails(info)
	if retryAfter > 0 {
		answer, _ = answer.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)})
	}
	return answer.Err()
}
