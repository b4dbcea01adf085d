// Package oncedhttp makes HTTP handlers idempotent by the Idempotency-Key header, as the IETF draft has it.
//
// A request with a key runs its handler once; repeats get the stored response with "Idempotency-Replayed: true". While it
// runs they get 409 and Retry-After, with another request under the same key 422. A client that hangs up cancels nothing.
package oncedhttp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	onced "github.com/onced/onced/clients/go"
)

// Scope tells whose key it is: a tenant or principal, from what was authenticated. Keys of two scopes never meet. An
// error, or an empty scope, refuses the request with 401. Never use an address: people behind one share it.
type Scope func(*http.Request) (string, error)

// SingleTenant is the scope of a service whose callers may all see one another's responses.
func SingleTenant(*http.Request) (string, error) { return "single-tenant", nil }

// Middleware makes the handlers behind it idempotent, under keys of namespace. It must come after authentication.
func Middleware(client *onced.Client, namespace string, scope Scope, options ...Option) func(http.Handler) http.Handler {
	o := newOptions(options)
	return func(next http.Handler) http.Handler {
		return &handler{client: client, namespace: namespace, scope: scope, options: o, next: next}
	}
}

type handler struct {
	client    *onced.Client
	namespace string
	scope     Scope
	options   options
	next      http.Handler
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	need := h.options.need(r)
	if need == onced.Never {
		h.next.ServeHTTP(w, r)
		return
	}
	key, found := readKey(r.Header.Values(h.options.keyHeader))
	switch {
	case found == keyMissing && need == onced.Optional:
		h.next.ServeHTTP(w, r)
		return
	case found == keyMissing:
		problemMissing.write(w, "this request needs an "+h.options.keyHeader+" header")
		return
	case found == keyMalformed:
		problemMalformed.write(w, keyRule)
		return
	}
	scope, err := h.scope(r)
	if err != nil || scope == "" {
		problemNobody.write(w, "an idempotency key needs an authenticated caller")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.options.requestBytesMax))
	if err != nil {
		writeUnreadable(w, err)
		return
	}
	h.serveOnce(w, r, scope, key, body)
}

func writeUnreadable(w http.ResponseWriter, err error) {
	if errors.As(err, new(*http.MaxBytesError)) {
		problemTooLarge.write(w, "the request is too large to be made idempotent")
		return
	}
	problemUnreadable.write(w, "the request could not be read")
}

// serveOnce waits for the outcome in the caller's time, and lets the work go on when the caller has left.
func (h *handler) serveOnce(w http.ResponseWriter, r *http.Request, scope, key string, body []byte) {
	storedKey, err := onced.DeriveKey(key, scope)
	if err != nil {
		problemMalformed.write(w, keyRule)
		return
	}
	run := h.runOptions(r, key, body)
	work := newWork(h, w, r, body)
	go work.run(storedKey, run)
	select {
	case <-work.ended:
		work.finish(w)
	case <-r.Context().Done():
		work.leave()
	}
}

func (h *handler) runOptions(r *http.Request, key string, body []byte) []onced.RunOption {
	labels := map[string]string{"http.key": key, "http.method": r.Method, "http.path": cut(r.URL.Path)}
	run := []onced.RunOption{onced.WithWait(0), onced.WithBeginTimeout(beginTimeout), onced.WithLabels(labels)}
	run = append(run, h.options.run...)
	return append(run, onced.WithFingerprints(fingerprint(r, body, h.options.exclude)))
}

// retryAfterSeconds rounds up, since the header has whole seconds.
func retryAfterSeconds(after time.Duration) string {
	return strconv.FormatInt(max(1, int64((after+time.Second-1)/time.Second)), 10)
}

func detached(r *http.Request, ctx context.Context, body []byte) *http.Request {
	request := r.WithContext(ctx)
	request.Body = io.NopCloser(bytes.NewReader(body))
	return request
}
