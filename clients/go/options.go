package onced

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"time"

	"google.golang.org/grpc"
)

// Limits of this client. Each can be changed with an option.
const (
	defaultBeginTimeout  = 2 * time.Second        // one try of BeginIntent, beside the wait that was asked for
	defaultLookupTimeout = time.Second            // one try of Lookup
	defaultSettleTimeout = 5 * time.Second        // one try of Complete, Fail, Renew or Checkpoint
	defaultSettleFor     = 24 * time.Hour         // all tries of Complete or Fail: as long as an attempt can hold a key
	defaultRunWait       = time.Minute            // for the outcome of somebody else
	defaultBeginFor      = time.Minute            // for a server that does not answer
	triesMax             = 4                      // tries of every other call
	backoffBase          = 50 * time.Millisecond  // longest pause before the second try; doubles with each
	backoffMax           = time.Second            // longest pause between two tries
	waitSliceMax         = 10 * time.Second       // longest wait asked of the server at once, below usual proxy limits
	wayBack              = 100 * time.Millisecond // of the caller's time, kept free for the answer to a wait
	askAgainMax          = time.Second            // longest pause while somebody else is at it, whose outcome may come early
	retryAfterUnknown    = time.Second            // pause after an answer that this client does not know
	budgetTokens         = 10                     // a failed try takes one, a good one gives back a tenth
	budgetRefill         = 0.1                    // so that retries stay below a tenth of the calls while all fail
	reconnectMax         = 2 * time.Second        // longest pause between two connection attempts
	keepaliveAfter       = 10 * time.Second       // silence in a call before the connection is probed
	keepaliveTimeout     = 5 * time.Second        // silence after a probe before the connection is given up
	renewTimeoutMin      = 50 * time.Millisecond  // one try of a renewal, when a sixth of the lease is less
	renewPauseMin        = 20 * time.Millisecond  // between renewals, of a server that gives no more time
)

// Timeouts bound calls. Zero means the default.
type Timeouts struct {
	// Begin bounds one try of BeginIntent, beside the wait that was asked for. 2 s.
	Begin time.Duration
	// Lookup bounds one try of Lookup. 1 s.
	Lookup time.Duration
	// Settle bounds one try of Complete, Fail and Checkpoint. 5 s.
	Settle time.Duration
	// SettleFor bounds all tries of Complete and Fail together. 24 h; Client.Close ends them too.
	SettleFor time.Duration
}

// StartSpan begins a span for a tracer. It returns the context for what happens inside, and what to call at the end.
// attributes never contain a key, a payload or a token.
type StartSpan func(ctx context.Context, name string, attributes ...slog.Attr) (context.Context, func(error))

// Option changes a Client.
type Option func(*clientOptions)

type clientOptions struct {
	apiKey      string
	tls         *tls.Config
	plaintext   bool
	dialOptions []grpc.DialOption
	owner       string
	logger      *slog.Logger
	startSpan   StartSpan
	timeouts    Timeouts
	runDefaults []RunOption
}

// WithAPIKey sends key as "authorization: Bearer" with every call.
func WithAPIKey(key string) Option { return func(o *clientOptions) { o.apiKey = key } }

// WithTLS sets certificates. Without it, loopback targets are spoken to in plain text and all others over TLS with the
// system's certificate authorities.
func WithTLS(config *tls.Config) Option { return func(o *clientOptions) { o.tls = config } }

// WithPlaintext speaks without TLS, also to targets that are not loopback, and sends an API key in the clear.
func WithPlaintext() Option { return func(o *clientOptions) { o.plaintext = true } }

// WithDialOptions adds options of gRPC itself, such as a stats handler.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(o *clientOptions) { o.dialOptions = append(o.dialOptions, options...) }
}

// WithOwner names this process to people who look at a record. Up to 256 bytes; host and process id by default.
func WithOwner(owner string) Option { return func(o *clientOptions) { o.owner = owner } }

// WithLogger receives what goes wrong and was dealt with: retries, lost leases, unrecorded outcomes. Silent by default.
func WithLogger(logger *slog.Logger) Option { return func(o *clientOptions) { o.logger = logger } }

// WithStartSpan has every call and every run traced.
func WithStartSpan(start StartSpan) Option { return func(o *clientOptions) { o.startSpan = start } }

// WithTimeouts changes the time bounds of calls.
func WithTimeouts(timeouts Timeouts) Option { return func(o *clientOptions) { o.timeouts = timeouts } }

// WithRunDefaults applies options to every run of this client, before those of the run itself.
func WithRunDefaults(options ...RunOption) Option {
	return func(o *clientOptions) { o.runDefaults = append(o.runDefaults, options...) }
}

func newClientOptions(options []Option) clientOptions {
	o := clientOptions{owner: defaultOwner(), logger: slog.New(slog.DiscardHandler), startSpan: noSpan}
	for _, option := range options {
		option(&o)
	}
	o.timeouts.Begin = orDefault(o.timeouts.Begin, defaultBeginTimeout)
	o.timeouts.Lookup = orDefault(o.timeouts.Lookup, defaultLookupTimeout)
	o.timeouts.Settle = orDefault(o.timeouts.Settle, defaultSettleTimeout)
	o.timeouts.SettleFor = orDefault(o.timeouts.SettleFor, defaultSettleFor)
	return o
}

func noSpan(ctx context.Context, _ string, _ ...slog.Attr) (context.Context, func(error)) {
	return ctx, func(error) {}
}

func orDefault(value, fallback time.Duration) time.Duration {
	if value > 0 {
		return value
	}
	return fallback
}

func defaultOwner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown-host"
	}
	return fmt.Sprintf("%.200s/%d", host, os.Getpid())
}
