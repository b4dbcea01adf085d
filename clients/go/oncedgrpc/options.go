package oncedgrpc

import (
	"time"

	"google.golang.org/grpc/codes"

	onced "github.com/onced/onced/clients/go"
)

const (
	keyBytesMax    = 255
	waitMax        = 10 * time.Second // for the outcome of the first call; the caller's deadline may be sooner
	beginTimeout   = 5 * time.Second  // then UNAVAILABLE: the caller may come back
	detailBytesMax = 4 << 10          // of a stored status
	labelBytesMax  = 256
)

// Need tells whether a method must be called with a key.
type Need int

const (
	// Never: the call passes as it is.
	Never Need = iota
	// Optional: a call without a key passes as it is.
	Optional
	// Required: a call without a key is refused with INVALID_ARGUMENT.
	Required
)

// Verdict says what a status means for its key.
type Verdict int

const (
	// Store: it is the outcome, replayed from now on.
	Store Verdict = iota
	// Release: nothing was done, and the same key may be tried again.
	Release
	// Hold: nobody knows whether something was done, so nobody may try again until somebody has looked.
	Hold
)

// Option changes the interceptor.
type Option func(*options)

type options struct {
	need      func(fullMethod string) Need
	keyHeader string
	judge     func(code codes.Code) Verdict
	exclude   []string
	run       []onced.RunOption
}

// WithNeed tells by its full name ("/payments.v1.Payments/Charge") whether a method needs a key. Optional by default.
func WithNeed(need func(fullMethod string) Need) Option { return func(o *options) { o.need = need } }

// WithKeyHeader takes keys from other metadata.
func WithKeyHeader(name string) Option { return func(o *options) { o.keyHeader = name } }

// WithVerdict decides by its code what a failed call means for its key. See DefaultVerdict.
func WithVerdict(judge func(code codes.Code) Verdict) Option {
	return func(o *options) { o.judge = judge }
}

// WithExclude leaves parts of the request's JSON out of its fingerprint. See onced.FingerprintJSON.
func WithExclude(pointers ...string) Option { return func(o *options) { o.exclude = pointers } }

// WithRun adds options of the run, such as onced.WithLease or onced.WithTTL.
func WithRun(run ...onced.RunOption) Option {
	return func(o *options) { o.run = append(o.run, run...) }
}

// DefaultVerdict stores refusals that come from the request itself, and releases what depends on the moment. After any
// other error nobody knows how far the method got.
func DefaultVerdict(code codes.Code) Verdict {
	switch code {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.FailedPrecondition, codes.OutOfRange:
		return Store
	case codes.Unavailable, codes.ResourceExhausted, codes.Aborted, codes.Unauthenticated, codes.PermissionDenied,
		codes.Unimplemented:
		return Release
	default:
		return Hold
	}
}

func newOptions(changes []Option) options {
	o := options{
		need:      func(string) Need { return Optional },
		keyHeader: "idempotency-key",
		judge:     DefaultVerdict,
	}
	for _, change := range changes {
		change(&o)
	}
	return o
}
