package onced

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/onced/onced/clients/go/oncedv1"
)

const errorDomain = "onced.v1"

// Error is what a call of the server failed with. Compare it with the Err values by errors.Is, or look at its fields by
// errors.As.
type Error struct {
	// Code is the gRPC code.
	Code codes.Code
	// Reason is Onced's own word for it; unspecified when the call did not reach Onced.
	Reason oncedv1.ErrorReason
	// Message is for people.
	Message string
	// Metadata holds facts, such as state and attempt for a lost lease.
	Metadata map[string]string
	// RetryAfter is how long the server asked to wait. Zero when it did not.
	RetryAfter time.Duration
	// Fields says what is wrong with which field of the request.
	Fields map[string]string

	cause error
}

// What to compare an Error with. The documentation of each reason stands in oncedv1.
var (
	ErrInvalidField      = &Error{Reason: oncedv1.ErrorReason_ERROR_REASON_INVALID_FIELD}
	ErrKeyReused         = &Error{Reason: oncedv1.ErrorReason_ERROR_REASON_KEY_REUSED}
	ErrLeaseLost         = &Error{Reason: oncedv1.ErrorReason_ERROR_REASON_LEASE_LOST}
	ErrAlreadySettled    = &Error{Reason: oncedv1.ErrorReason_ERROR_REASON_ALREADY_SETTLED}
	ErrAttemptEnded      = &Error{Reason: oncedv1.ErrorReason_ERROR_REASON_ATTEMPT_ENDED}
	ErrIntentNotFound    = &Error{Reason: oncedv1.ErrorReason_ERROR_REASON_INTENT_NOT_FOUND}
	ErrNamespaceNotFound = &Error{Reason: oncedv1.ErrorReason_ERROR_REASON_NAMESPACE_NOT_FOUND}
	ErrKeyNotIssued      = &Error{Reason: oncedv1.ErrorReason_ERROR_REASON_KEY_NOT_ISSUED}
	ErrQuotaExceeded     = &Error{Reason: oncedv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED}
	ErrOverloaded        = &Error{Reason: oncedv1.ErrorReason_ERROR_REASON_OVERLOADED}
	ErrStoreUnavailable  = &Error{Reason: oncedv1.ErrorReason_ERROR_REASON_STORE_UNAVAILABLE}
	ErrUnauthenticated   = &Error{Reason: oncedv1.ErrorReason_ERROR_REASON_UNAUTHENTICATED}
	ErrPermissionDenied  = &Error{Reason: oncedv1.ErrorReason_ERROR_REASON_PERMISSION_DENIED}
	ErrInternal          = &Error{Reason: oncedv1.ErrorReason_ERROR_REASON_INTERNAL}
	ErrUnimplemented     = &Error{Reason: oncedv1.ErrorReason_ERROR_REASON_UNIMPLEMENTED}
)

func (e *Error) Error() string {
	if e.Reason == oncedv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return fmt.Sprintf("onced: %s: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("onced: %s: %s", reasonName(e.Reason), e.Message)
}

// Is compares the reason only.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Reason == e.Reason && e.Reason != oncedv1.ErrorReason_ERROR_REASON_UNSPECIFIED
}

// Unwrap gives the gRPC status error.
func (e *Error) Unwrap() error { return e.cause }

// Temporary tells that the same call, with the same attempt id or token, may succeed later.
func (e *Error) Temporary() bool {
	switch e.Code {
	case codes.Unavailable, codes.DeadlineExceeded:
		return true
	case codes.ResourceExhausted:
		// Without pushback it is not a matter of waiting: a message over the size limit ends with this code too.
		return e.RetryAfter > 0
	default:
		return false
	}
}

// fromStatus reads the details of a gRPC error.
func fromStatus(err error) *Error {
	answer := status.Convert(err)
	e := &Error{Code: answer.Code(), Message: answer.Message(), cause: err}
	isOnced := false
	for _, detail := range answer.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() == errorDomain {
				isOnced = true
				e.Reason = oncedv1.ErrorReason(oncedv1.ErrorReason_value[reasonPrefix+detail.GetReason()])
				e.Metadata = detail.GetMetadata()
			}
		case *errdetails.RetryInfo:
			e.RetryAfter = detail.GetRetryDelay().AsDuration()
		case *errdetails.BadRequest:
			e.Fields = violations(detail)
		}
	}
	if !isOnced {
		e.Code = meaningOf(e.Code)
	}
	return e
}

// meaningOf a code that does not come from Onced, which gives a reason with every error. A connection that breaks is
// reported with any of these; whether the call had an effect is not known.
func meaningOf(code codes.Code) codes.Code {
	switch code {
	case codes.Unknown, codes.Internal, codes.Canceled, codes.Aborted:
		return codes.Unavailable
	default:
		return code
	}
}

const reasonPrefix = "ERROR_REASON_"

func reasonName(reason oncedv1.ErrorReason) string { return reason.String()[len(reasonPrefix):] }

func violations(detail *errdetails.BadRequest) map[string]string {
	fields := make(map[string]string, len(detail.GetFieldViolations()))
	for _, violation := range detail.GetFieldViolations() {
		fields[violation.GetField()] = violation.GetDescription()
	}
	return fields
}
