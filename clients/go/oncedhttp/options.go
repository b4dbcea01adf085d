package oncedhttp

import (
	"net/http"
	"slices"
	"time"

	onced "github.com/onced/onced/clients/go"
)

const (
	requestBytesMax  = 1 << 20         // a request is held in memory while its fingerprint is made
	responseBytesMax = 250 << 10       // below the server's default of 256 KiB, with room for headers
	beginTimeout     = 5 * time.Second // then 503: the client may come back
	labelBytesMax    = 256
)

// Option changes the middleware.
type Option func(*options)

type options struct {
	need             func(*http.Request) onced.Need
	keyHeader        string
	judge            func(status int) onced.Verdict
	replayedHeaders  []string
	requestBytesMax  int64
	responseBytesMax int
	exclude          []string
	run              []onced.RunOption
}

// WithNeed tells which requests must, may or need not carry a key. POST and PATCH must by default, all others pass.
func WithNeed(need func(*http.Request) onced.Need) Option { return func(o *options) { o.need = need } }

// WithKeyHeader takes keys from another header.
func WithKeyHeader(name string) Option { return func(o *options) { o.keyHeader = name } }

// WithVerdict decides by its status what a response means for its key. See DefaultVerdict.
func WithVerdict(judge func(status int) onced.Verdict) Option {
	return func(o *options) { o.judge = judge }
}

// WithReplayedHeaders adds headers that are stored and replayed. Never name one that holds a secret, such as Set-Cookie.
func WithReplayedHeaders(names ...string) Option {
	return func(o *options) { o.replayedHeaders = append(o.replayedHeaders, names...) }
}

// WithRequestBytesMax bounds requests with a key; larger ones get 413. 1 MiB by default.
func WithRequestBytesMax(bytes int64) Option { return func(o *options) { o.requestBytesMax = bytes } }

// WithResponseBytesMax bounds what is stored. The body of a larger response reaches its caller, but is not kept: repeats
// get 410. 250 KiB by default; the namespace's result_bytes_max must be larger.
func WithResponseBytesMax(bytes int) Option { return func(o *options) { o.responseBytesMax = bytes } }

// WithExclude leaves parts of a JSON body out of the fingerprint. See onced.FingerprintJSON.
func WithExclude(pointers ...string) Option { return func(o *options) { o.exclude = pointers } }

// WithRun adds options of the run, such as onced.WithLease, onced.WithTTL, or onced.WithWait to wait for an outcome
// instead of answering 409 at once.
func WithRun(run ...onced.RunOption) Option {
	return func(o *options) { o.run = append(o.run, run...) }
}

// DefaultVerdict stores successes, redirections and refusals that come from the request itself: a corrected request has
// another body, and needs another key anyway. What depends on the moment is released. After any other server error nobody
// knows how far the handler got.
func DefaultVerdict(status int) onced.Verdict {
	released := []int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired, http.StatusRequestTimeout,
		http.StatusConflict, http.StatusLocked, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusNotImplemented, http.StatusServiceUnavailable,
	}
	switch {
	case slices.Contains(released, status):
		return onced.Release
	case status >= http.StatusInternalServerError:
		return onced.Hold
	default:
		return onced.Store
	}
}

func newOptions(changes []Option) options {
	o := options{
		need:      postAndPatch,
		keyHeader: "Idempotency-Key",
		judge:     DefaultVerdict,
		replayedHeaders: []string{
			"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "ETag",
			"Last-Modified", "Link", "Location", "Vary",
		},
		requestBytesMax:  requestBytesMax,
		responseBytesMax: responseBytesMax,
	}
	for _, change := range changes {
		change(&o)
	}
	return o
}

func postAndPatch(r *http.Request) onced.Need {
	if r.Method == http.MethodPost || r.Method == http.MethodPatch {
		return onced.Required
	}
	return onced.Never
}
