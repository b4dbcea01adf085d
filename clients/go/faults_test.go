package onced_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	onced "github.com/onced/onced/clients/go"
	"github.com/onced/onced/clients/go/internal/oncedtest"
)

func TestLostRepliesNeverDoAnEffectTwice(t *testing.T) {
	proxy := startProxy(t)
	proxy.LoseReplies(0.25)
	client, namespace := connect(t, proxy.Address), oncedtest.Namespace(t)
	const keys, callersMax = 24, 4
	var effects [keys]atomic.Int32
	var callers sync.WaitGroup
	for caller := range callersMax {
		callers.Go(func() {
			for key := caller; key < keys; key += callersMax {
				got := runUntilDone(t, client, namespace, fmt.Sprint("key-", key), func() string {
					return fmt.Sprint("effect-", effects[key].Add(1))
				})
				if got != "effect-1" || effects[key].Load() != 1 {
					t.Errorf("key %d got %q after %d effects", key, got, effects[key].Load())
				}
			}
		})
	}
	callers.Wait()
}

// runUntilDone repeats a run as a caller would who keeps the key until there is an outcome.
func runUntilDone(t *testing.T, client *onced.Client, namespace, key string, effect func() string) string {
	const triesMax = 100
	var last error
	for range triesMax {
		got, err := onced.RunOnce(bounded(t), client, namespace, key, nil,
			func(context.Context, *onced.Attempt) (string, error) { return effect(), nil }, onced.WithWait(5*time.Second))
		if err == nil {
			return got
		}
		if errors.As(err, new(*onced.NotRecordedError)) {
			t.Errorf("%s: %v", key, err)
		}
		last = err
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%s has no result after %d tries: %v", key, triesMax, last)
	return ""
}

func TestABeginWhoseReplyIsLostFindsItsOwnLease(t *testing.T) {
	proxy := startProxy(t)
	client := connect(t, proxy.Address)
	mustRun(t, client, oncedtest.Namespace(t), nil, 1) // connects
	proxy.LoseNextReply()
	started := time.Now()
	got, err := onced.RunOnce(bounded(t), client, oncedtest.Namespace(t), "k", nil,
		func(_ context.Context, attempt *onced.Attempt) (int, error) { return int(attempt.Number()), nil })
	if err != nil || got != 1 || time.Since(started) > 10*time.Second {
		t.Fatalf("attempt %d after %s: %v", got, time.Since(started), err)
	}
}

func TestAnUnreachableServerIsATemporaryErrorInBoundedTime(t *testing.T) {
	proxy := startProxy(t)
	proxy.Refuse(true)
	client := connect(t, proxy.Address)
	started := time.Now()
	_, err := onced.RunOnce(bounded(t), client, oncedtest.Namespace(t), "k", nil, unexpected[int](t),
		onced.WithBeginTimeout(time.Second))
	var failure *onced.Error
	if !errors.As(err, &failure) || !failure.Temporary() || time.Since(started) > 10*time.Second {
		t.Fatalf("error after %s is %v", time.Since(started), err)
	}
}

func TestASilentServerIsATemporaryErrorInBoundedTime(t *testing.T) {
	proxy := startProxy(t)
	client := connect(t, proxy.Address, onced.WithTimeouts(onced.Timeouts{Begin: 100 * time.Millisecond}))
	namespace := oncedtest.Namespace(t)
	mustRun(t, client, namespace, nil, 1)
	proxy.Silence(true)
	started := time.Now()
	_, err := onced.RunOnce(bounded(t), client, namespace, "k2", nil, unexpected[int](t),
		onced.WithWait(0), onced.WithBeginTimeout(time.Second))
	var failure *onced.Error
	if !errors.As(err, &failure) || !failure.Temporary() || time.Since(started) > 5*time.Second {
		t.Fatalf("error after %s is %v", time.Since(started), err)
	}
}

func TestACompleteIsTriedUntilTheServerIsBack(t *testing.T) {
	proxy := startProxy(t)
	client, namespace := connect(t, proxy.Address), oncedtest.Namespace(t)
	got, err := onced.RunOnce(bounded(t), client, namespace, "k", nil, func(context.Context, *onced.Attempt) (int, error) {
		proxy.Refuse(true)
		time.AfterFunc(3*time.Second, func() { proxy.Refuse(false) })
		return 1, nil
	})
	if err != nil || got != 1 {
		t.Fatalf("got %v, %v", got, err)
	}
	mustRunReplay(t, client, namespace, 1)
}

func TestAnOutcomeThatCannotBeRecordedIsReportedWithItsResult(t *testing.T) {
	proxy := startProxy(t)
	client := connect(t, proxy.Address, onced.WithTimeouts(onced.Timeouts{SettleFor: 500 * time.Millisecond}))
	got, err := onced.RunOnce(bounded(t), client, oncedtest.Namespace(t), "k", nil, func(context.Context, *onced.Attempt) (int, error) {
		proxy.Refuse(true)
		return 1, nil
	})
	var notRecorded *onced.NotRecordedError
	if !errors.As(err, &notRecorded) || got != 1 {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestClosingTheClientEndsTheRecordingOfOutcomes(t *testing.T) {
	proxy := startProxy(t)
	client := connect(t, proxy.Address)
	_, err := onced.RunOnce(bounded(t), client, oncedtest.Namespace(t), "k", nil, func(context.Context, *onced.Attempt) (int, error) {
		proxy.Refuse(true)
		time.AfterFunc(300*time.Millisecond, func() { _ = client.Close() })
		return 1, nil
	})
	if !errors.As(err, new(*onced.NotRecordedError)) {
		t.Fatalf("error is %v", err)
	}
}

func TestACallerWhoStopsWaitingLearnsWhy(t *testing.T) {
	proxy := startProxy(t)
	proxy.Silence(true)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := onced.RunOnce(ctx, connect(t, proxy.Address), oncedtest.Namespace(t), "k", nil, unexpected[int](t))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error is %v", err)
	}
}

func TestWrongFieldsAreNamed(t *testing.T) {
	_, err := onced.RunOnce(bounded(t), connect(t, ""), "Not A Namespace", "", nil, unexpected[int](t))
	var failure *onced.Error
	if !errors.Is(err, onced.ErrInvalidField) || !errors.As(err, &failure) || failure.Fields["namespace"] == "" || failure.Fields["key"] == "" {
		t.Fatalf("error is %v, fields %v", err, failure)
	}
}
