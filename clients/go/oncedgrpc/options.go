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

// Option changes the interceptor.
type Option func(*options)

type options struct {
	need      func(fullMethod string) onced.Need
	keyHeader string
	judge     func(code codes.Code) onced.Verdict
	exclude   []string
	run       []onced.RunOption
}

// WithNeed tells by its full name ("/payments.v1.Payments/Charge") whether a method needs a key. Optional by default.
func WithNeed(need func(fullMethod string) onced.Need) Option {
	return func(o *options) { o.need = need }
}

// WithKeyHeader takes keys from other metadata.
func WithKeyHeader(name string) Option { return func(o *options) { o.keyHeader = name } }

// WithVerdict decides by its code what a failed call means for its key. See DefaultVerdict.
func WithVerdict(judge func(code codes.Code) onced.Verdict) Option {
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
func DefaultVerdict(code codes.Code) onced.Verdict {
	switch code {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.FailedPrecondition, codes.OutOfRange:
		return onced.Store
	case codes.Unavailable, codes.ResourceExhausted, codes.Aborted, codes.Unauthenticated, codes.PermissionDenied,
		codes.Unimplemented:
		return onced.Release
	default:
		return onced.Hold
	}
}

func newOptions(changes []Option) options {
	o := options{
		need:      func(string) onced.Need { return onced.Optional },
		keyHeader: "idempotency-key",
		judge:     DefaultVerdict,
	}
	for _, change := range changes {
		change(&o)
	}
	return o
}
