package onced_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	onced "github.com/onced/onced/clients/go"
	"github.com/onced/onced/clients/go/internal/oncedtest"
	"github.com/onced/onced/clients/go/oncedv1"
)

type order struct {
	ID     string `json:"id"`
	Amount int    `json:"amount"`
}

type receipt struct {
	Number int `json:"number"`
}

func TestARepeatedRunReturnsTheFirstResultWithoutWorkingAgain(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	var runs atomic.Int32
	for range 3 {
		got, err := onced.RunOnce(bounded(t), client, namespace, "order-1", order{"order-1", 10},
			func(context.Context, *onced.Attempt) (receipt, error) { return receipt{int(runs.Add(1))}, nil })
		if err != nil || got != (receipt{1}) {
			t.Fatalf("got %v, %v", got, err)
		}
	}
}

func TestConcurrentRunsWorkOnceAndAllGetTheResult(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	var runs atomic.Int32
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			got, err := onced.RunOnce(bounded(t), client, namespace, "order", nil,
				func(context.Context, *onced.Attempt) (receipt, error) {
					time.Sleep(50 * time.Millisecond)
					return receipt{int(runs.Add(1))}, nil
				}, onced.WithWait(10*time.Second))
			if err != nil || got != (receipt{1}) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	callers.Wait()
}

func TestWithoutWaitingARunInFlightIsReported(t *testing.T) {
	client, namespace := connect(t, "", onced.WithOwner("first")), oncedtest.Namespace(t)
	_, err := onced.RunOnce(bounded(t), client, namespace, "k", nil,
		func(ctx context.Context, _ *onced.Attempt) (int, error) {
			_, err := onced.RunOnce(ctx, client, namespace, "k", nil, unexpected[int](t), onced.WithWait(0))
			var inProgress *onced.InProgressError
			if !errors.As(err, &inProgress) || inProgress.Owner != "first" || inProgress.RetryAfter <= 0 {
				t.Errorf("error is %v", err)
			}
			return 0, nil
		})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAKeyReusedForAnotherRequestIsRefused(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	mustRun(t, client, namespace, order{"a", 10}, 1)
	_, err := onced.RunOnce(bounded(t), client, namespace, "k", order{"a", 12}, unexpected[int](t))
	if !errors.Is(err, onced.ErrKeyReused) || errors.Is(err, onced.ErrLeaseLost) {
		t.Errorf("error is %v", err)
	}
}

func TestExcludedPartsMayDiffer(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	for amount := range 2 {
		got, err := onced.RunOnce(bounded(t), client, namespace, "k", order{"a", amount},
			func(context.Context, *onced.Attempt) (int, error) { return amount, nil }, onced.WithExclude("/amount"))
		if err != nil || got != 0 {
			t.Fatalf("got %v, %v", got, err)
		}
	}
}

func TestResultsOfEachKindSurviveAReplay(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	expectReplay(t, client, namespace, "bytes", []byte{0, 0xff, 1}, func(a, b []byte) bool { return string(a) == string(b) })
	expectReplay(t, client, namespace, "text", "héllo", func(a, b string) bool { return a == b })
	message := &oncedv1.Fingerprint{Scheme: "x", Digest: []byte{1}}
	expectReplay(t, client, namespace, "message", message, func(a, b *oncedv1.Fingerprint) bool { return a.String() == b.String() })
}

func expectReplay[T any](t *testing.T, client *onced.Client, namespace, key string, value T, isEqual func(a, b T) bool) {
	t.Helper()
	for range 2 {
		got, err := onced.RunOnce(bounded(t), client, namespace, key, nil,
			func(context.Context, *onced.Attempt) (T, error) { return value, nil })
		if err != nil || !isEqual(got, value) {
			t.Fatalf("got %v, %v", got, err)
		}
	}
}

func TestAFinalErrorIsReplayedByteForByte(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	declined := errors.New("card declined")
	_, err := onced.RunOnce(bounded(t), client, namespace, "k", nil, func(context.Context, *onced.Attempt) (int, error) {
		failure := onced.Final("DECLINED", declined)
		failure.Detail, failure.ContentType = []byte{0, 1, 0xff}, "application/x-decline"
		return 0, failure
	})
	var failed *onced.FailedError
	if !errors.As(err, &failed) || failed.Replayed || !errors.Is(err, declined) {
		t.Fatalf("error is %v", err)
	}
	_, err = onced.RunOnce(bounded(t), client, namespace, "k", nil, unexpected[int](t))
	if !errors.As(err, &failed) || !failed.Replayed || failed.Code != "DECLINED" || failed.Message != "card declined" ||
		string(failed.Detail) != "\x00\x01\xff" || failed.ContentType != "application/x-decline" {
		t.Fatalf("error is %#v", err)
	}
}

func TestARetryableErrorReleasesTheKeyAfterItsDelay(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	busy := errors.New("provider busy")
	_, err := onced.RunOnce(bounded(t), client, namespace, "k", nil, func(context.Context, *onced.Attempt) (int, error) {
		return 0, onced.Retryable(busy, 300*time.Millisecond)
	})
	if !errors.Is(err, busy) {
		t.Fatalf("error is %v", err)
	}
	var later *onced.RetryLaterError
	_, err = onced.RunOnce(bounded(t), client, namespace, "k", nil, unexpected[int](t), onced.WithWait(0))
	if !errors.As(err, &later) || later.RetryAfter <= 0 || later.LastError.GetMessage() != "provider busy" {
		t.Fatalf("error is %v", err)
	}
	got, err := onced.RunOnce(bounded(t), client, namespace, "k", nil, func(_ context.Context, attempt *onced.Attempt) (int, error) {
		if attempt.LastError().GetMessage() != "provider busy" || attempt.IsTakenOver() {
			t.Errorf("last error is %v", attempt.LastError())
		}
		return int(attempt.Number()), nil
	}, onced.WithWait(5*time.Second))
	if err != nil || got != 2 {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestAnUnknownOutcomeHoldsTheKey(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	lost := errors.New("connection lost")
	_, err := onced.RunOnce(bounded(t), client, namespace, "k", nil, func(context.Context, *onced.Attempt) (int, error) {
		return 0, onced.Unknown(lost)
	})
	if !errors.Is(err, lost) {
		t.Fatalf("error is %v", err)
	}
	var orphaned *onced.OrphanedError
	_, err = onced.RunOnce(bounded(t), client, namespace, "k", nil, unexpected[int](t), onced.WithWait(time.Second))
	if !errors.As(err, &orphaned) || orphaned.LastError.GetMessage() != "connection lost" {
		t.Fatalf("error is %v", err)
	}
}

func TestErrorsOfTheWorkCanBeClassifiedInOnePlace(t *testing.T) {
	client, namespace := connect(t, "", onced.WithRunDefaults(onced.WithClassify(func(err error) error {
		return onced.Final("MINE", err)
	}))), oncedtest.Namespace(t)
	_, err := onced.RunOnce(bounded(t), client, namespace, "k", nil, func(context.Context, *onced.Attempt) (int, error) {
		return 0, errors.New("any")
	})
	var failed *onced.FailedError
	if !errors.As(err, &failed) || failed.Code != "MINE" {
		t.Errorf("error is %v", err)
	}
}

func TestACheckpointReachesTheNextAttempt(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	_, _ = onced.RunOnce(bounded(t), client, namespace, "k", nil, func(ctx context.Context, attempt *onced.Attempt) (int, error) {
		if _, ok := attempt.Checkpoint(); ok {
			t.Error("the first attempt has a checkpoint")
		}
		if err := attempt.SaveCheckpoint(ctx, []byte("charge-77")); err != nil {
			t.Error(err)
		}
		return 0, onced.Retryable(errors.New("later"), 0)
	})
	_, err := onced.RunOnce(bounded(t), client, namespace, "k", nil, func(_ context.Context, attempt *onced.Attempt) (int, error) {
		if saved, ok := attempt.Checkpoint(); !ok || string(saved) != "charge-77" {
			t.Errorf("checkpoint is %q, %v", saved, ok)
		}
		return 0, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestANamespaceThatAllowsNoWaitingIsPolled(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	_, err := admin(t).PutNamespace(bounded(t), &oncedv1.PutNamespaceRequest{
		Namespace: namespace, Policy: &oncedv1.NamespacePolicy{WaitMax: durationpb.New(0)}, Reason: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	var first sync.WaitGroup
	first.Go(func() {
		_, _ = onced.RunOnce(bounded(t), client, namespace, "k", nil, func(context.Context, *onced.Attempt) (int, error) {
			close(started)
			time.Sleep(500 * time.Millisecond)
			return 1, nil
		})
	})
	<-started
	mustRunReplay(t, client, namespace, 1)
	first.Wait()
}

func TestAClassifierThatPanicsHoldsTheKey(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	func() {
		defer func() { _ = recover() }()
		_, _ = onced.RunOnce(bounded(t), client, namespace, "k", nil,
			func(context.Context, *onced.Attempt) (int, error) { return 0, errors.New("any") },
			onced.WithClassify(func(error) error { panic("boom") }))
	}()
	_, err := onced.RunOnce(bounded(t), client, namespace, "k", nil, unexpected[int](t))
	if !errors.As(err, new(*onced.OrphanedError)) {
		t.Fatalf("error is %v", err)
	}
}

func TestALookupShowsTheOutcome(t *testing.T) {
	client, namespace := connect(t, ""), oncedtest.Namespace(t)
	_, err := client.Lookup(bounded(t), namespace, "k", true)
	if !errors.Is(err, onced.ErrIntentNotFound) {
		t.Fatalf("error is %v", err)
	}
	mustRun(t, client, namespace, nil, 7)
	record, err := client.Lookup(bounded(t), namespace, "k", true)
	if err != nil || string(record.GetResult()) != "7" || record.GetContentType() != "application/json" {
		t.Fatalf("record is %v, %v", record, err)
	}
}

func mustRun(t *testing.T, client *onced.Client, namespace string, request any, value int) {
	t.Helper()
	_, err := onced.RunOnce(bounded(t), client, namespace, "k", request,
		func(context.Context, *onced.Attempt) (int, error) { return value, nil })
	if err != nil {
		t.Fatal(err)
	}
}

// unexpected is a work that must not run.
func unexpected[T any](t *testing.T) func(context.Context, *onced.Attempt) (T, error) {
	return func(context.Context, *onced.Attempt) (value T, _ error) {
		t.Error("the work ran")
		return value, nil
	}
}
