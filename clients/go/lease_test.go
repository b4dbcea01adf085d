package onced_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	onced "github.com/onced/onced/clients/go"
	"github.com/onced/onced/clients/go/internal/oncedtest"
	"github.com/onced/onced/clients/go/oncedv1"
)

func TestALongWorkKeepsItsLease(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	const lease = time.Second
	got, err := onced.RunOnce(bounded(t), client, namespace, "k", nil, func(ctx context.Context, attempt *onced.Attempt) (int, error) {
		for end := time.Now().Add(3 * lease); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			_, err := onced.RunOnce(ctx, client, namespace, "k", nil, unexpected[int](t), onced.WithWait(0))
			if !errors.As(err, new(*onced.InProgressError)) || attempt.Remaining() <= 0 {
				t.Fatalf("error is %v, remaining %s", err, attempt.Remaining())
			}
		}
		return 1, ctx.Err()
	}, onced.WithLease(lease))
	if err != nil || got != 1 {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestWorkStopsBeforeItsLeaseCanBeLost(t *testing.T) {
	proxy := startProxy(t)
	client, namespace := connect(t, proxy.Address), oncedtest.Namespace(t)
	got, err := onced.RunOnce(bounded(t), client, namespace, "k", nil, func(ctx context.Context, attempt *onced.Attempt) (int, error) {
		proxy.Silence(true)
		<-ctx.Done()
		if attempt.Remaining() <= 0 || !errors.Is(context.Cause(ctx), onced.ErrLeaseLapsed) {
			t.Errorf("stopped with %s left, by %v", attempt.Remaining(), context.Cause(ctx))
		}
		proxy.Silence(false)
		proxy.Cut()
		return 1, nil
	}, onced.WithLease(time.Second))
	if err != nil || got != 1 {
		t.Fatalf("a late holder could not complete: %v, %v", got, err)
	}
	mustRunReplay(t, client, namespace, 1)
}

func TestASupersededHolderIsToldSoAndChangesNothing(t *testing.T) {
	proxy := startProxy(t)
	paused, other := connect(t, proxy.Address), connect(t, "")
	namespace := oncedtest.Namespace(t)
	_, err := onced.RunOnce(bounded(t), paused, namespace, "k", nil, func(ctx context.Context, attempt *onced.Attempt) (int, error) {
		proxy.Silence(true)
		<-ctx.Done()
		got, err := onced.RunOnce(bounded(t), other, namespace, "k", nil, func(_ context.Context, second *onced.Attempt) (int, error) {
			if !second.IsTakenOver() || second.FencingToken() <= attempt.FencingToken() {
				t.Error("the second attempt is not marked as a takeover")
			}
			return 2, nil
		}, onced.WithWait(10*time.Second))
		if err != nil || got != 2 {
			t.Errorf("got %v, %v", got, err)
		}
		proxy.Silence(false)
		proxy.Cut()
		return 1, nil
	}, onced.WithLease(500*time.Millisecond))
	if !errors.As(err, new(*onced.NotRecordedError)) || !errors.Is(err, onced.ErrLeaseLost) {
		t.Fatalf("error is %v", err)
	}
	mustRunReplay(t, other, namespace, 2)
}

func TestWorkStopsWhenARenewalSaysThatAnOperatorHasEndedIt(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	_, err := onced.RunOnce(bounded(t), client, namespace, "k", nil, func(ctx context.Context, _ *onced.Attempt) (int, error) {
		release(t, namespace)
		<-ctx.Done()
		// Released by somebody else, the attempt counts as settled.
		if !errors.Is(context.Cause(ctx), onced.ErrAlreadySettled) {
			t.Errorf("cause is %v", context.Cause(ctx))
		}
		return 0, onced.Retryable(ctx.Err(), 0)
	}, onced.WithLease(300*time.Millisecond))
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error is %v", err)
	}
}

func TestAnOutcomeIsRecordedThoughTheCallerHasGone(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	ctx, cancel := context.WithCancel(bounded(t))
	got, err := onced.RunOnce(ctx, client, namespace, "k", nil, func(ctx context.Context, _ *onced.Attempt) (int, error) {
		cancel()
		return 1, ctx.Err()
	})
	if err != nil || got != 1 {
		t.Fatalf("got %v, %v", got, err)
	}
	mustRunReplay(t, client, namespace, 1)
}

func TestACallerWhoLeavesBeforeTheWorkBeginsReleasesTheKey(t *testing.T) {
	namespace := oncedtest.Namespace(t)
	ctx, cancel := context.WithCancel(bounded(t))
	leaving := connect(t, "", onced.WithStartSpan(
		func(ctx context.Context, name string, _ ...slog.Attr) (context.Context, func(error)) {
			return ctx, func(error) {
				if name == "onced.BeginIntent" {
					cancel()
				}
			}
		}))
	_, err := onced.RunOnce(ctx, leaving, namespace, "k", nil, unexpected[int](t))
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error is %v", err)
	}
	// Sooner than the lease of 30 s, and another attempt than the one that was given back.
	got, err := onced.RunOnce(bounded(t), connect(t, ""), namespace, "k", nil, func(_ context.Context, attempt *onced.Attempt) (int, error) {
		return int(attempt.Number()), nil
	}, onced.WithWait(5*time.Second))
	if err != nil || got != 2 {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestAPanicHoldsTheKeyAndGoesOn(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	func() {
		defer func() {
			if recover() != "boom" {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = onced.RunOnce(bounded(t), client, namespace, "k", nil,
			func(context.Context, *onced.Attempt) (int, error) { panic("boom") })
	}()
	_, err := onced.RunOnce(bounded(t), client, namespace, "k", nil, unexpected[int](t))
	if !errors.As(err, new(*onced.OrphanedError)) {
		t.Fatalf("error is %v", err)
	}
}

func TestALeaseCountsFromWhenItsRequestWasSent(t *testing.T) {
	proxy := startProxy(t)
	client, namespace := connect(t, proxy.Address), oncedtest.Namespace(t)
	mustRun(t, client, oncedtest.Namespace(t), nil, 1) // connects
	const lease, delay = 2 * time.Second, 100 * time.Millisecond
	proxy.Delay(delay)
	_, err := onced.RunOnce(bounded(t), client, namespace, "k", nil, func(ctx context.Context, attempt *onced.Attempt) (int, error) {
		for end := time.Now().Add(lease); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if remaining := attempt.Remaining(); remaining > lease-delay || remaining <= 0 {
				t.Fatalf("%s of a lease of %s are claimed, though an answer takes %s", remaining, lease, delay)
			}
		}
		return 0, attempt.SaveCheckpoint(ctx, nil)
	}, onced.WithLease(lease))
	if err != nil {
		t.Fatal(err)
	}
}

func mustRunReplay(t *testing.T, client *onced.Client, namespace string, value int) {
	t.Helper()
	got, err := onced.RunOnce(bounded(t), client, namespace, "k", nil, unexpected[int](t))
	if err != nil || got != value {
		t.Fatalf("got %v, %v; want a replay of %d", got, err, value)
	}
}

// release has an operator end the attempt under way, whose holder loses its lease.
func release(t *testing.T, namespace string) {
	t.Helper()
	_, err := admin(t).ResolveIntent(bounded(t), &oncedv1.ResolveIntentRequest{
		Namespace: namespace, Key: "k", Reason: "test", Force: true,
		Resolution: &oncedv1.ResolveIntentRequest_Released{Released: &oncedv1.ResolveReleased{}},
	})
	if err != nil {
		t.Error(err)
	}
}
