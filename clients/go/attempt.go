package onced

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/onced/onced/clients/go/oncedv1"
)

// ErrLeaseLapsed is the cause (context.Cause) of a work's cancelled context when the lease could not be renewed in time:
// from now on somebody else may be at it. The attempt may still complete, as long as nobody is.
var ErrLeaseLapsed = errors.New("onced: the lease could not be renewed in time")

// Attempt is a lease on a key while the work runs. It renews itself. Safe for concurrent use.
type Attempt struct {
	client    *Client
	namespace string
	key       string
	acquired  *oncedv1.Acquired
	lease     *durationpb.Duration // as asked for, nil for the namespace's own

	cancelWork context.CancelCauseFunc
	keeping    context.Context // until the outcome is recorded
	endKeeping context.CancelFunc

	mutex       sync.Mutex
	sentAt      time.Time     // monotonic; when the latest grant was asked for
	granted     time.Duration // how long it lasts from then
	guard       *time.Timer   // stops the work
	isRecording bool          // the work has ended
}

// Namespace is the namespace of the key.
func (a *Attempt) Namespace() string { return a.namespace }

// Key is the key that the work is for.
func (a *Attempt) Key() string { return a.key }

// Number is 1 for the first attempt on the key. More: an earlier one was released or lost its lease.
func (a *Attempt) Number() uint32 { return a.acquired.GetAttempt() }

// FencingToken grows with every attempt of the key, for ever. Hand it to a downstream system that refuses smaller ones.
func (a *Attempt) FencingToken() uint64 { return a.acquired.GetFencingToken() }

// IsTakenOver tells that an earlier attempt lost its lease, so that its side effect may have happened. Look at the
// checkpoint and ask the provider before doing it again.
func (a *Attempt) IsTakenOver() bool { return a.acquired.GetTakenOver() }

// IsDegraded tells that the store is out of reach and the namespace chose to go on: nothing protects this attempt.
func (a *Attempt) IsDegraded() bool { return a.acquired.GetDegraded() }

// IsLateRetry tells that the key had been seen before and its record had expired, so that this may be a duplicate.
func (a *Attempt) IsLateRetry() bool { return a.acquired.GetLateRetry() }

// Checkpoint is what an earlier attempt saved; false when none did.
func (a *Attempt) Checkpoint() ([]byte, bool) {
	return a.acquired.GetCheckpoint(), a.acquired.Checkpoint != nil
}

// LastError is how the attempt before this one failed; nil when none did.
func (a *Attempt) LastError() *oncedv1.IntentError { return a.acquired.GetLastError() }

// ExpireTime is until when the record stays if nothing more is heard of it, on the store's clock.
func (a *Attempt) ExpireTime() time.Time { return a.acquired.GetExpireTime().AsTime() }

// Remaining is how long the lease is surely held from now, without a renewal. Not positive once it may be over.
func (a *Attempt) Remaining() time.Duration {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return time.Until(a.heldTo())
}

// SaveCheckpoint saves up to 16 KiB for the next attempt, and renews the lease. Call it before the step that cannot be
// undone, with what is needed to find out later whether it happened.
func (a *Attempt) SaveCheckpoint(ctx context.Context, data []byte) error {
	response, sentAt, err := a.client.checkpoint(ctx, &oncedv1.CheckpointRequest{
		Namespace: a.namespace, Key: a.key, LeaseToken: a.acquired.GetLeaseToken(), Data: data, Lease: a.lease,
	})
	if err != nil {
		a.stopIfLost(err)
		return err
	}
	a.extend(sentAt, response.GetLeaseRemaining().AsDuration())
	return nil
}

func (c *Client) newAttempt(request *oncedv1.BeginIntentRequest, acquired *oncedv1.Acquired) *Attempt {
	return &Attempt{
		client: c, namespace: request.GetNamespace(), key: request.GetKey(), acquired: acquired, lease: request.GetLease(),
	}
}

// start begins to keep the lease. stop must be called once the outcome is recorded.
func (a *Attempt) start(ctx context.Context, sentAt time.Time, cancelWork context.CancelCauseFunc) {
	a.cancelWork = cancelWork
	a.keeping, a.endKeeping = context.WithCancel(context.WithoutCancel(ctx))
	a.extend(sentAt, a.acquired.GetLeaseRemaining().AsDuration())
	go a.keep()
}

// workEnded: what the work came to is being recorded from now on, which is there before its answer is here.
func (a *Attempt) workEnded() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.isRecording = true
}

func (a *Attempt) stop() {
	a.endKeeping()
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.guard.Stop()
}

// extend notes a grant. Answers may overtake one another; the request that was sent last counts.
func (a *Attempt) extend(sentAt time.Time, remaining time.Duration) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if sentAt.Before(a.sentAt) {
		return
	}
	a.sentAt, a.granted = sentAt, remaining
	if a.guard != nil {
		a.guard.Stop()
	}
	a.guard = time.AfterFunc(time.Until(a.stopAt()), a.stopIfLapsed)
}

// heldTo is until when nobody else can hold the key.
func (a *Attempt) heldTo() time.Time { return a.sentAt.Add(a.granted) }

// stopAt is when the work must stop: early enough to be over before somebody else can begin.
func (a *Attempt) stopAt() time.Time { return a.heldTo().Add(-stopMargin(a.granted)) }

func stopMargin(lease time.Duration) time.Duration { return lease / 6 }

func (a *Attempt) stopIfLapsed() {
	a.mutex.Lock()
	isLapsed := time.Until(a.stopAt()) <= 0
	a.mutex.Unlock()
	if !isLapsed || a.IsDegraded() || a.keeping.Err() != nil {
		return
	}
	a.client.options.logger.Warn("onced: work stopped, its lease could not be renewed in time", a.logAttributes()...)
	a.cancelWork(ErrLeaseLapsed)
}

// keep renews at a third of the lease, so that two renewals may fail before the work must stop. It goes on after that:
// a lease that nobody took over can be had back, which protects the outcome while it is being recorded.
func (a *Attempt) keep() {
	for try := 0; ; {
		select {
		case <-a.keeping.Done():
			return
		case <-time.After(a.untilRenewal(try)):
		}
		err := a.renew()
		if err == nil {
			try = 0
			continue
		}
		try++
		var failure *Error
		if errors.As(err, &failure) && !failure.Temporary() {
			a.stopIfLost(err)
			return
		}
	}
}

// untilRenewal: a third of the lease after it was granted; after a failure soon, but not at once.
func (a *Attempt) untilRenewal(try int) time.Duration {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if try > 0 {
		return renewPauseMin + rand.N(a.granted/12+1)
	}
	return max(time.Until(a.sentAt.Add(a.granted/3)), renewPauseMin)
}

func (a *Attempt) renew() error {
	a.mutex.Lock()
	timeout := max(a.granted/6, renewTimeoutMin)
	a.mutex.Unlock()
	request := &oncedv1.RenewRequest{
		Namespace: a.namespace, Key: a.key, LeaseToken: a.acquired.GetLeaseToken(), Lease: a.lease,
	}
	rule := callRule{name: "Renew", tryTimeout: timeout, tries: 1}
	response, sentAt, err := call(a.keeping, a.client, rule, request, a.client.rpc.Renew)
	if err == nil {
		a.extend(sentAt, response.GetLeaseRemaining().AsDuration())
	}
	return err
}

// stopIfLost stops the work when the server has said that this attempt holds nothing any more.
func (a *Attempt) stopIfLost(err error) {
	a.mutex.Lock()
	isRecorded := a.isRecording && errors.Is(err, ErrAlreadySettled)
	a.mutex.Unlock()
	if isRecorded || a.keeping.Err() != nil {
		return // the outcome is recorded: a renewal that came too late is no news
	}
	a.client.options.logger.Warn("onced: lease not renewed", append(a.logAttributes(), slog.Any("error", err))...)
	if errors.Is(err, ErrLeaseLost) || errors.Is(err, ErrIntentNotFound) || errors.Is(err, ErrAlreadySettled) {
		a.cancelWork(err)
	}
}

func (a *Attempt) logAttributes() []any {
	return []any{slog.String("namespace", a.namespace), slog.String("key_hash", keyHash(a.key)), slog.Any("attempt", a.Number())}
}

// keyHash is what the server's log shows of a key: enough to find its lines, too little to guess it from.
func keyHash(key string) string {
	digest := sha256.Sum256([]byte(key))
	return hex.EncodeToString(digest[:6])
}
