package oncedhttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	onced "github.com/onced/onced/clients/go"
)

// work is one request on its way to a response.
type work struct {
	handler  *handler
	request  *http.Request
	body     []byte
	recorder *recorder
	ended    chan struct{}

	// Set before ended is closed.
	result   *onced.Result
	err      error
	panicked any
	hasRun   bool
}

func newWork(h *handler, w http.ResponseWriter, r *http.Request, body []byte) *work {
	recorder := newRecorder(w, h.options.responseBytesMax)
	return &work{handler: h, request: r, body: body, recorder: recorder, ended: make(chan struct{})}
}

// run ends the waiting for an answer when the caller leaves; Onced keeps the work itself from that.
func (w *work) run(key string, options []onced.RunOption) {
	defer close(w.ended)
	defer func() { w.panicked = recover() }()
	w.result, w.err = w.handler.client.Do(w.request.Context(), w.handler.namespace, key, w.serve, options...)
}

func (w *work) serve(ctx context.Context, attempt *onced.Attempt) (*onced.Result, error) {
	w.hasRun = true
	ctx = context.WithValue(ctx, attemptKey{}, attempt)
	w.handler.next.ServeHTTP(w.recorder, detached(w.request, ctx, w.body))
	response := w.recorder.response()
	refusal := fmt.Errorf("the handler answered %d", response.status)
	switch w.handler.options.judge(response.status) {
	case onced.Release:
		return nil, onced.Retryable(refusal, retryAfterOf(response.header))
	case onced.Hold:
		return nil, onced.Unknown(refusal)
	default:
		return response.stored(w.handler.options.replayedHeaders), nil
	}
}

// finish answers the caller.
func (w *work) finish(target http.ResponseWriter) {
	if w.panicked != nil {
		panic(w.panicked) // the server's own recovery deals with it, on the server's goroutine
	}
	if w.hasRun {
		w.finishOwn(target)
		return
	}
	if w.err == nil {
		w.finishReplay(target)
		return
	}
	writeError(target, w.err)
}

// finishOwn sends the response of the handler that ran now.
func (w *work) finishOwn(target http.ResponseWriter) {
	response := w.recorder.response()
	if response.isNotKept {
		return // it has been sent already
	}
	if errors.As(w.err, new(*onced.NotRecordedError)) && w.handler.options.judge(response.status) == onced.Store {
		// Whoever asks again may have it done again; to be told that all is well would be wrong.
		problemOutage.write(target, "the request was carried out, but its outcome could not be recorded")
		return
	}
	if w.err == nil {
		setExpiry(target.Header(), w.result.ExpireTime)
	}
	response.write(target)
}

func (w *work) finishReplay(target http.ResponseWriter) {
	response, err := restored(w.result)
	if err != nil {
		problemRefused.write(target, err.Error())
		return
	}
	header := target.Header()
	header.Set("Idempotency-Replayed", "true")
	setExpiry(header, w.result.ExpireTime)
	if response.isNotKept {
		problemNotKept.write(target, fmt.Sprintf("it was answered %d before; that response is not kept", response.status))
		return
	}
	response.write(target)
}

// leave lets the work go on without its caller.
func (w *work) leave() { w.recorder.leave() }

func setExpiry(header http.Header, expireTime time.Time) {
	header.Set("Idempotency-Expires", expireTime.UTC().Format(http.TimeFormat))
}

// retryAfterOf is what a handler told its caller; only in seconds, since a date needs two clocks that agree.
func retryAfterOf(header http.Header) time.Duration {
	seconds, err := strconv.ParseUint(header.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

type attemptKey struct{}

// Attempt is the attempt under which a handler runs: its fencing token, its checkpoint. Nil outside the middleware.
func Attempt(ctx context.Context) *onced.Attempt {
	attempt, _ := ctx.Value(attemptKey{}).(*onced.Attempt)
	return attempt
}
