package onced_test

import (
	"bytes"
	"context"
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

// shedding is a server in front of the real one that sheds the first begin.
type shedding struct {
	oncedv1.UnimplementedIdempotencyServiceServer
	real oncedv1.IdempotencyServiceClient

	mutex      sync.Mutex
	attemptIDs []string
	times      []time.Time
}

func (s *shedding) BeginIntent(ctx context.Context, request *oncedv1.BeginIntentRequest) (*oncedv1.BeginIntentResponse, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.attemptIDs = append(s.attemptIDs, request.GetAttemptId())
	s.times = append(s.times, time.Now())
	if len(s.times) > 1 {
		return s.real.BeginIntent(ctx, request)
	}
	shed, _ := status.New(codes.ResourceExhausted, "later").WithDetails(
		&errdetails.ErrorInfo{Reason: "OVERLOADED", Domain: "onced.v1"},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(pushback)})
	return nil, shed.Err()
}

func (s *shedding) Complete(ctx context.Context, request *oncedv1.CompleteRequest) (*oncedv1.CompleteResponse, error) {
	return s.real.Complete(ctx, request)
}

func startShedding(t *testing.T) (*shedding, string) {
	t.Helper()
	connection, err := grpc.NewClient(server.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	front := &shedding{real: oncedv1.NewIdempotencyServiceClient(connection)}
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
	front, address := startShedding(t)
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
