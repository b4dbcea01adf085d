package onced

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/onced/onced/clients/go/oncedv1"
)

func TestAnAnswerThatThisClientDoesNotKnowMeansInProgress(t *testing.T) {
	client := &Client{}
	answer := client.judge(&oncedv1.BeginIntentRequest{}, &oncedv1.BeginIntentResponse{}, time.Now())
	if answer.claimed != nil || answer.isOver || !errors.As(answer.err, new(*InProgressError)) {
		t.Errorf("answer is %+v", answer)
	}
}

func TestALeaseThatWasOverWhenItsAnswerCameIsNotWorkedOn(t *testing.T) {
	acquired := &oncedv1.Acquired{LeaseRemaining: durationpb.New(time.Second)}
	late := claimed{attempt: &Attempt{acquired: acquired}, sentAt: time.Now().Add(-time.Second)}
	inTime := claimed{attempt: &Attempt{acquired: acquired}, sentAt: time.Now().Add(-time.Second / 2)}
	if !late.mayHaveLapsed() || inTime.mayHaveLapsed() {
		t.Error("the lease is not counted from when the request was sent")
	}
}

func TestARenewalThatMeetsTheOutcomeBeingRecordedIsNoNews(t *testing.T) {
	var log bytes.Buffer
	client := &Client{options: clientOptions{logger: slog.New(slog.NewTextHandler(&log, nil))}}
	ctx, cancelWork := context.WithCancelCause(t.Context())
	attempt := &Attempt{client: client, acquired: &oncedv1.Acquired{}, keeping: t.Context(), cancelWork: cancelWork}
	attempt.workEnded()
	attempt.stopIfLost(ErrAlreadySettled)
	if log.Len() > 0 || ctx.Err() != nil {
		t.Errorf("told of its own outcome: %s", &log)
	}
	attempt.stopIfLost(ErrLeaseLost)
	if log.Len() == 0 || ctx.Err() == nil {
		t.Error("not told that the lease is lost")
	}
}

func TestRetriesStopWhenMostCallsFail(t *testing.T) {
	budget := newRetryBudget()
	for range 4 {
		if !budget.failed() {
			t.Fatal("the first failures may not be retried")
		}
	}
	if budget.failed() {
		t.Error("a fifth failure in a row may be retried")
	}
	for range 20 {
		budget.succeeded()
	}
	if !budget.failed() {
		t.Error("a failure after successes may not be retried")
	}
}

func TestOnlyErrorsWithOncedsReasonAreTakenAtTheirWord(t *testing.T) {
	for _, code := range []codes.Code{codes.Unknown, codes.Internal, codes.Canceled, codes.Aborted, codes.Unavailable} {
		if !fromStatus(status.Error(code, "the connection broke")).Temporary() {
			t.Errorf("%s without a reason is not taken for a broken connection", code)
		}
	}
	refusal, _ := status.New(codes.Aborted, "lost").WithDetails(&errdetails.ErrorInfo{Reason: "LEASE_LOST", Domain: errorDomain})
	if failure := fromStatus(refusal.Err()); failure.Temporary() || !errors.Is(failure, ErrLeaseLost) {
		t.Errorf("a lost lease is %v", failure)
	}
	later, _ := status.New(codes.Unknown, "new").WithDetails(&errdetails.ErrorInfo{Reason: "OF_A_LATER_RELEASE", Domain: errorDomain})
	if fromStatus(later.Err()).Temporary() {
		t.Error("a reason that this release does not know is tried again")
	}
	full := fromStatus(status.Error(codes.ResourceExhausted, "message too large"))
	if full.Temporary() {
		t.Error("RESOURCE_EXHAUSTED without pushback is tried again")
	}
}

func TestPlainTextStaysOnThisMachine(t *testing.T) {
	for target, isHere := range map[string]bool{
		"127.0.0.1:50051": true, "localhost:1": true, "[::1]:1": true, "dns:///localhost:1": true, "unix:/run/onced.sock": true,
		"passthrough:///127.9.9.9:1": true, "onced.internal:443": false, "dns:///onced:1": false, "10.0.0.1:1": false,
		"localhost.example.com:1": false,
	} {
		if isLoopback(target) != isHere {
			t.Errorf("%s: loopback is %v", target, !isHere)
		}
	}
}
