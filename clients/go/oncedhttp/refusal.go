package oncedhttp

import (
	"errors"
	"net/http"
	"time"

	onced "github.com/onced/onced/clients/go"
)

// writeError answers a request whose handler did not run. Nothing of the stored request is ever told.
func writeError(w http.ResponseWriter, err error) {
	var inProgress *onced.InProgressError
	var later *onced.RetryLaterError
	var failure *onced.Error
	switch {
	case errors.As(err, &inProgress):
		writeLater(w, problemInProgress, inProgress.RetryAfter, "the first request with this key is still running")
	case errors.As(err, &later):
		writeLater(w, problemInProgress, later.RetryAfter, "the request may be tried again later, with the same key")
	case errors.Is(err, onced.ErrKeyReused):
		problemReused.write(w, "this key stands for another request; use a new key for a new request")
	case errors.As(err, new(*onced.OrphanedError)):
		problemUnknown.write(w, "nobody knows whether the first request took effect; somebody is to look into it")
	case errors.As(err, new(*onced.ResultDroppedError)):
		w.Header().Set("Idempotency-Replayed", "true")
		problemNotKept.write(w, "the request was carried out; its response is past its retention")
	case errors.As(err, new(*onced.FailedError)):
		w.Header().Set("Idempotency-Replayed", "true")
		problemFailed.write(w, "the request failed for good; a new try needs a new key")
	case errors.As(err, &failure) && failure.Temporary():
		writeLater(w, problemOutage, max(failure.RetryAfter, time.Second), "nothing was done; try again with the same key")
	default:
		problemRefused.write(w, "the idempotency service refused the request")
	}
}

func writeLater(w http.ResponseWriter, p problem, after time.Duration, detail string) {
	w.Header().Set("Retry-After", retryAfterSeconds(after))
	p.write(w, detail)
}
