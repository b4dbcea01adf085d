package onced_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	onced "github.com/onced/onced/clients/go"
	"github.com/onced/onced/clients/go/internal/oncedtest"
	"github.com/onced/onced/clients/go/oncedv1"
)

const pushback = 300 * time.Millisecond

// shedding is a server in front of the real one that refuses the first begins.
type shedding struct {
	oncedv1.UnimplementedIdempotencyServiceServer
	real     oncedv1.IdempotencyServiceClient
	refusals []error

	mutex      sync.Mutex
	attemptIDs []string
	times      []time.Time
}

func (s *shedding) BeginIntent(ctx context.Context, request *oncedv1.BeginIntentRequest) (*oncedv1.BeginIntentResponse, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.attemptIDs = append(s.attemptIDs, request.GetAttemptId())
	s.times = append(s.times, time.Now())
	if len(s.times) > len(s.refusals) {
		return s.real.BeginIntent(ctx, request)
	}
	return nil, s.refusals[len(s.times)-1]
}

// refusal has no delay where that is zero.
func refusal(code codes.Code, reason oncedv1.ErrorReason, delay time.Duration) error {
	name := strings.TrimPrefix(reason.String(), "ERROR_REASON_")
	refused, _ := status.New(code, "as asked").WithDetails(&errdetails.ErrorInfo{Reason: name, Domain: "onced.v1"})
	if delay > 0 {
		refused, _ = refused.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(delay)})
	}
	return refused.Err()
}

func (s *shedding) Complete(ctx context.Context, request *oncedv1.CompleteRequest) (*oncedv1.CompleteResponse, error) {
	return s.real.Complete(ctx, request)
}

func startShedding(t *testing.T, refusals ...error) (*shedding, string) {
	t.Helper()
	connection, err := grpc.NewClient(server.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	front := &shedding{real: oncedv1.NewIdempotencyServiceClient(connection), refusals: refusals}
	service := grpc.NewServer()
	oncedv1.RegisterIdempotencyServiceServer(service, front)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = service.Serve(listener) }()
	t.Cleanup(func() { service.Stop(); _ = connection.Close() })
	return front, listener.Addr().String()
}

func TestAShedBeginIsRepeatedAfterItsDelayWithTheSameAttemptAndSaidToTheHooks(t *testing.T) {
	front, address := startShedding(t, refusal(codes.ResourceExhausted, oncedv1.ErrorReason_ERROR_REASON_OVERLOADED, pushback))
	var log bytes.Buffer
	var mutex sync.Mutex
	spans := map[string]int{} // begun without an end
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	span := func(ctx context.Context, name string, _ ...slog.Attr) (context.Context, func(error)) {
		mutex.Lock()
		defer mutex.Unlock()
		spans[name]++
		return ctx, func(error) { mutex.Lock(); defer mutex.Unlock(); spans[name]-- }
	}
	client := connect(t, address, onced.WithLogger(logger), onced.WithStartSpan(span))
	got, err := onced.RunOnce(bounded(t), client, oncedtest.Namespace(t), "a-secret-key", nil,
		func(context.Context, *onced.Attempt) (int, error) { return 1, nil })
	if err != nil || got != 1 {
		t.Fatalf("got %d, %v", got, err)
	}
	if len(front.times) != 2 || front.times[1].Sub(front.times[0]) < pushback || front.attemptIDs[0] != front.attemptIDs[1] {
		t.Errorf("begun at %v as %v", front.times, front.attemptIDs)
	}
	if text := log.String(); !strings.Contains(text, "trying again") || strings.Contains(text, "a-secret-key") {
		t.Errorf("logged %q", text)
	}
	for _, name := range []string{"onced.run", "onced.BeginIntent", "onced.Complete"} {
		if open, isThere := spans[name]; !isThere || open != 0 {
			t.Errorf("span %s: %v", name, spans)
		}
	}
	if slices.Contains(front.attemptIDs, "") {
		t.Error("a begin without an attempt id")
	}
}

func TestWhatNoRepeatWouldChangeIsSentOnce(t *testing.T) {
	for name, refused := range map[string]error{
		"a quota":      refusal(codes.ResourceExhausted, oncedv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED, 0),
		"a long delay": refusal(codes.ResourceExhausted, oncedv1.ErrorReason_ERROR_REASON_OVERLOADED, time.Hour),
		"another key":  refusal(codes.FailedPrecondition, oncedv1.ErrorReason_ERROR_REASON_KEY_REUSED, pushback),
		"a lost lease": refusal(codes.Aborted, oncedv1.ErrorReason_ERROR_REASON_LEASE_LOST, 0),
		"no rights":    refusal(codes.PermissionDenied, oncedv1.ErrorReason_ERROR_REASON_PERMISSION_DENIED, 0),
		"a bug":        refusal(codes.Internal, oncedv1.ErrorReason_ERROR_REASON_INTERNAL, 0),
	} {
		t.Run(name, func(t *testing.T) {
			front, address := startShedding(t, slices.Repeat([]error{refused}, 9)...)
			client := connect(t, address)
			_, err := client.Begin(bounded(t), &oncedv1.BeginIntentRequest{Namespace: oncedtest.Namespace(t), Key: "k"})
			var failure *onced.Error
			if !errors.As(err, &failure) || failure.Code != status.Code(refused) || len(front.times) != 1 {
				t.Errorf("got %v after %d begins", err, len(front.times))
			}
		})
	}
}
