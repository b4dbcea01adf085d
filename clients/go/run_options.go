package onced

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
)

// RunOption changes one run.
type RunOption func(*runOptions)

type runOptions struct {
	lease        *durationpb.Duration
	ttl          *durationpb.Duration
	wait         time.Duration
	beginTimeout time.Duration
	owner        string
	labels       map[string]string
	exclude      []string
	fingerprints []*Fingerprint
	classify     func(error) error
	codec        any
}

// WithLease asks for a lease of this length; it is renewed while the work runs. 100 ms to 24 h; the namespace's own by
// default (30 s). Short leases notice a crash sooner.
func WithLease(lease time.Duration) RunOption {
	return func(o *runOptions) { o.lease = durationpb.New(lease) }
}

// WithTTL keeps the outcome this long. 1 s to 400 d; the namespace's own by default (24 h). Longer than your retries!
func WithTTL(ttl time.Duration) RunOption { return func(o *runOptions) { o.ttl = durationpb.New(ttl) } }

// WithWait waits this long for the outcome of somebody else who is at it, or for the delay of a released key, before the
// run ends with *InProgressError or *RetryLaterError. A minute by default; 0 for no waiting.
func WithWait(wait time.Duration) RunOption { return func(o *runOptions) { o.wait = wait } }

// WithBeginTimeout goes on this long to ask a server that does not answer, before the run ends with *Error. A minute by
// default.
func WithBeginTimeout(timeout time.Duration) RunOption {
	return func(o *runOptions) { o.beginTimeout = timeout }
}

// WithRunOwner names who asks, for people. The client's owner by default.
func WithRunOwner(owner string) RunOption { return func(o *runOptions) { o.owner = owner } }

// WithLabels adds labels to the record, such as a trace id. Up to 16, names 1 to 64 bytes, values up to 256 bytes.
func WithLabels(labels map[string]string) RunOption { return func(o *runOptions) { o.labels = labels } }

// WithExclude leaves parts of the request out of its fingerprint. See FingerprintJSON.
func WithExclude(pointers ...string) RunOption { return func(o *runOptions) { o.exclude = pointers } }

// WithFingerprints adds fingerprints to that of the request: up to 4 of different schemes, so that a scheme can change.
func WithFingerprints(fingerprints ...*Fingerprint) RunOption {
	return func(o *runOptions) { o.fingerprints = append(o.fingerprints, fingerprints...) }
}

// WithClassify decides what an error of the work means, by turning it into one of Final, Retryable and Unknown. It is
// not asked for an error that is one of them already.
func WithClassify(classify func(error) error) RunOption {
	return func(o *runOptions) { o.classify = classify }
}

// WithCodec writes and reads the results of RunOnce. It must be for the type that RunOnce returns.
func WithCodec[T any](codec Codec[T]) RunOption { return func(o *runOptions) { o.codec = codec } }

func (c *Client) runOptions(options []RunOption) runOptions {
	o := runOptions{wait: defaultRunWait, beginTimeout: defaultBeginFor, owner: c.options.owner}
	for _, option := range c.options.runDefaults {
		option(&o)
	}
	for _, option := range options {
		option(&o)
	}
	return o
}
