package onced

import (
	"fmt"
	"time"

	"github.com/onced/onced/clients/go/oncedv1"
)

// FailedError: the key failed for good. A new try needs a new key. For the caller whose own work failed it wraps the
// work's error.
type FailedError struct {
	// Code, Message, Detail and ContentType are what was given to Final, byte for byte.
	Code        string
	Message     string
	Detail      []byte
	ContentType string
	// AttemptsExhausted: no attempt failed for good, but the namespace allows no more.
	AttemptsExhausted bool
	// Replayed: it failed earlier, the work did not run now.
	Replayed bool
	// ExpireTime is from when on the key counts as never seen.
	ExpireTime time.Time

	cause error
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("onced: failed for good: %s: %s", e.Code, e.Message)
}

// Unwrap gives the error of the work that ran now.
func (e *FailedError) Unwrap() error { return e.cause }

// InProgressError: somebody else is at it. Ask again after RetryAfter with the same key.
type InProgressError struct {
	RetryAfter time.Duration
	Attempt    uint32
	Owner      string
}

func (e *InProgressError) Error() string {
	return fmt.Sprintf("onced: in progress (attempt %d by %q), ask again in %s", e.Attempt, e.Owner, e.RetryAfter)
}

// RetryLaterError: the last attempt was released with a delay. Ask again after RetryAfter with the same key.
type RetryLaterError struct {
	RetryAfter time.Duration
	LastError  *oncedv1.IntentError
}

func (e *RetryLaterError) Error() string {
	return fmt.Sprintf("onced: released, a new attempt may start in %s (last error %s: %s)",
		e.RetryAfter, e.LastError.GetCode(), e.LastError.GetMessage())
}

// OrphanedError: nobody knows whether the side effect happened, and somebody must look before it may be tried again.
type OrphanedError struct {
	Since      time.Time
	Cause      oncedv1.OrphanCause
	Attempt    uint32
	Owner      string
	LastError  *oncedv1.IntentError
	RetryAfter time.Duration
}

func (e *OrphanedError) Error() string {
	return fmt.Sprintf("onced: orphaned since %s (attempt %d by %q): nobody knows whether it happened; resolve it first",
		e.Since.UTC().Format(time.RFC3339), e.Attempt, e.Owner)
}

// ResultDroppedError: the work was done, and its result is past its retention.
type ResultDroppedError struct {
	Labels       map[string]string
	CompleteTime time.Time
	ExpireTime   time.Time
}

func (e *ResultDroppedError) Error() string {
	return fmt.Sprintf("onced: done at %s, but the result is past its retention",
		e.CompleteTime.UTC().Format(time.RFC3339))
}

// NotRecordedError: the work ended, but its outcome could not be recorded, so a later caller may run it again. It wraps
// the reason (ErrLeaseLost when somebody else has taken over) and the work's own error, if it had one. RunOnce returns
// the result of the work beside it.
type NotRecordedError struct {
	Reason error
	Work   error
}

func (e *NotRecordedError) Error() string {
	if e.Work != nil {
		return fmt.Sprintf("onced: the outcome could not be recorded: %v (the work's error: %v)", e.Reason, e.Work)
	}
	return fmt.Sprintf("onced: the work was done, but its outcome could not be recorded: %v", e.Reason)
}

// Unwrap gives both errors.
func (e *NotRecordedError) Unwrap() []error {
	if e.Work == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Work}
}
