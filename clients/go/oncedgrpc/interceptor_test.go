package oncedgrpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	onced "github.com/onced/onced/clients/go"
	"github.com/onced/onced/clients/go/internal/oncedtest"
	"github.com/onced/onced/clients/go/oncedgrpc"
	"github.com/onced/onced/clients/go/oncedv1"
)

var server *oncedtest.Server

func TestMain(m *testing.M) {
	var err error
	if server, err = oncedtest.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// shop is a service to make idempotent. It borrows the shape of Lookup, whose response has a map.
type shop struct {
	oncedv1.UnimplementedIdempotencyServiceServer
	effects atomic.Int32
	answer  func(ctx context.Context, number int32) error
}

func (s *shop) Lookup(ctx context.Context, request *oncedv1.LookupRequest) (*oncedv1.LookupResponse, error) {
	number := s.effects.Add(1)
	if s.answer != nil {
		if err := s.answer(ctx, number); err != nil {
			return nil, err
		}
	}
	labels := map[string]string{"request": request.GetKey()}
	for i := range 12 {
		labels[fmt.Sprint("label-", i)] = fmt.Sprint(number)
	}
	return &oncedv1.LookupResponse{Record: &oncedv1.IntentRecord{Labels: labels}}, nil
}

// rawCodec shows the bytes of a response.
type rawCodec struct{}

func (rawCodec) Name() string                        { return "proto" }
func (rawCodec) Marshal(message any) ([]byte, error) { return proto.Marshal(message.(proto.Message)) }
func (rawCodec) Unmarshal(data []byte, target any) error {
	*target.(*[]byte) = bytes.Clone(data)
	return nil
}

type scene struct {
	t       *testing.T
	shop    *shop
	address string
	caller  *grpc.ClientConn

	recovered func(cause any)
	answered  atomic.Int32
}

// recover is what a server has before everything else, so that a panic ends one call only.
func (s *scene) recover(
	ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler,
) (response any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			s.recovered(cause)
			err = status.Error(codes.Internal, "panic")
		}
		s.answered.Add(1)
	}()
	return next(ctx, request)
}

func serve(t *testing.T, options ...oncedgrpc.Option) *scene {
	t.Helper()
	client, err := onced.New(server.Address)
	if err != nil {
		t.Fatal(err)
	}
	tenant := func(ctx context.Context) (string, error) {
		return strings.Join(metadata.ValueFromIncomingContext(ctx, "tenant"), ""), nil
	}
	s := &scene{t: t, shop: &shop{}}
	service := grpc.NewServer(grpc.ChainUnaryInterceptor(
		s.recover, oncedgrpc.UnaryServerInterceptor(client, oncedtest.Namespace(t), tenant, options...)))
	oncedv1.RegisterIdempotencyServiceServer(service, s.shop)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = service.Serve(listener) }()
	t.Cleanup(func() { service.Stop(); _ = client.Close() })
	s.address = listener.Addr().String()
	s.caller = s.connect(s.address)
	return s
}

func (s *scene) connect(address string, options ...grpc.DialOption) *grpc.ClientConn {
	s.t.Helper()
	caller, err := grpc.NewClient(address, append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = caller.Close() })
	return caller
}

type reply struct {
	data       []byte
	err        error
	isReplayed bool
	details    string // the bytes of the status in the trailer
}

func (s *scene) call(ctx context.Context, caller *grpc.ClientConn, key, request string) reply {
	return s.callAs(ctx, "acme", caller, key, request)
}

func (s *scene) callAs(ctx context.Context, tenant string, caller *grpc.ClientConn, key, request string) reply {
	headers := metadata.Pairs("tenant", tenant)
	if key != "" {
		headers.Set("idempotency-key", key)
	}
	ctx, cancel := context.WithTimeout(metadata.NewOutgoingContext(ctx, headers), 10*time.Second)
	defer cancel()
	var got reply
	var header, trailer metadata.MD
	got.err = caller.Invoke(ctx, oncedv1.IdempotencyService_Lookup_FullMethodName, &oncedv1.LookupRequest{Key: request},
		&got.data, grpc.ForceCodec(rawCodec{}), grpc.Header(&header), grpc.Trailer(&trailer))
	got.isReplayed = strings.Join(append(header.Get("idempotency-replayed"), trailer.Get("idempotency-replayed")...), "") == "true"
	got.details = strings.Join(trailer.Get("grpc-status-details-bin"), "")
	return got
}

func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

func (s *scene) expectRefusal(got reply, code codes.Code, reason string) {
	s.t.Helper()
	if status.Code(got.err) != code || reasonOf(got.err) != reason {
		s.t.Errorf("got %v (%s), want %s %s", got.err, reasonOf(got.err), code, reason)
	}
}

func TestARepeatedCallGetsTheFirstResponseByteForByte(t *testing.T) {
	s := serve(t)
	first := s.call(t.Context(), s.caller, "k", "r")
	if first.err != nil || first.isReplayed {
		t.Fatalf("first is %+v", first)
	}
	for range 10 {
		again := s.call(t.Context(), s.caller, "k", "r")
		if again.err != nil || !again.isReplayed || !bytes.Equal(first.data, again.data) {
			t.Fatalf("again is %+v", again)
		}
	}
	var response oncedv1.LookupResponse
	if err := proto.Unmarshal(first.data, &response); err != nil || len(response.GetRecord().GetLabels()) != 13 {
		t.Errorf("the response is %v, %v", &response, err)
	}
	if s.shop.effects.Load() != 1 {
		t.Errorf("%d effects", s.shop.effects.Load())
	}
}

func TestARepeatedCallGetsTheFirstStatusWithItsDetailsByteForByte(t *testing.T) {
	s := serve(t)
	s.shop.answer = func(_ context.Context, number int32) error {
		answer, _ := status.New(codes.FailedPrecondition, "no credit").WithDetails(&errdetails.ErrorInfo{
			Reason: "NO_CREDIT", Metadata: map[string]string{"a": "1", "b": "2", "c": "3", "number": fmt.Sprint(number)},
		})
		return answer.Err()
	}
	first, again := s.call(t.Context(), s.caller, "k", "r"), s.call(t.Context(), s.caller, "k", "r")
	s.expectRefusal(first, codes.FailedPrecondition, "NO_CREDIT")
	if first.details == "" || first.details != again.details || first.isReplayed || !again.isReplayed || s.shop.effects.Load() != 1 {
		t.Errorf("first is %+v, again %+v", first, again)
	}
}

func TestAStatusThatIsTooLargeToBeKeptIsCutForItsFirstCallerToo(t *testing.T) {
	s := serve(t)
	long := strings.Repeat("x", 4096)
	large, _ := status.New(codes.NotFound, "as asked").WithDetails(
		&errdetails.ErrorInfo{Reason: "NO_CREDIT", Metadata: map[string]string{"a": long}})
	for name, answer := range map[string]error{"large": large.Err(), "long": status.Error(codes.NotFound, long)} {
		s.shop.effects.Store(0)
		s.shop.answer = func(context.Context, int32) error { return answer }
		first, again := s.call(t.Context(), s.caller, name, "r"), s.call(t.Context(), s.caller, name, "r")
		if first.err.Error() != again.err.Error() || first.details != again.details || s.shop.effects.Load() != 1 {
			t.Errorf("%s: first is %.200v, again %.200v", name, first.err, again.err)
		}
		s.expectRefusal(again, codes.NotFound, "")
	}
}

func TestWhatAStatusMeansForTheKey(t *testing.T) {
	s := serve(t)
	for code, runs := range map[codes.Code]int32{
		codes.NotFound: 1, codes.Unavailable: 2, codes.PermissionDenied: 2, codes.Internal: 1, codes.Unknown: 1,
	} {
		s.shop.effects.Store(0)
		s.shop.answer = func(context.Context, int32) error { return status.Error(code, "as asked") }
		first := s.call(t.Context(), s.caller, "k-"+code.String(), "r")
		again := s.call(t.Context(), s.caller, "k-"+code.String(), "r")
		if status.Code(first.err) != code || status.Convert(first.err).Message() != "as asked" || s.shop.effects.Load() != runs {
			t.Errorf("%s: first is %v, %d runs", code, first.err, s.shop.effects.Load())
		}
		if code == codes.Internal || code == codes.Unknown {
			s.expectRefusal(again, codes.Aborted, "OUTCOME_UNKNOWN")
		} else if status.Code(again.err) != code {
			t.Errorf("%s: again is %v", code, again.err)
		}
	}
}

func TestAReleasedCallIsDelayedAsItsMethodAsked(t *testing.T) {
	s := serve(t, oncedgrpc.WithRun(onced.WithWait(0)))
	s.shop.answer = func(context.Context, int32) error {
		answer, _ := status.New(codes.Unavailable, "busy").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Minute)})
		return answer.Err()
	}
	s.call(t.Context(), s.caller, "k", "r")
	s.expectRefusal(s.call(t.Context(), s.caller, "k", "r"), codes.Unavailable, "RETRY_LATER")
}

func TestCallsThatCannotBeMadeIdempotentAreRefused(t *testing.T) {
	s := serve(t, oncedgrpc.WithNeed(func(string) onced.Need { return onced.Required }))
	s.expectRefusal(s.call(t.Context(), s.caller, "", "r"), codes.InvalidArgument, "KEY_MISSING")
	s.expectRefusal(s.call(t.Context(), s.caller, strings.Repeat("k", 256), "r"), codes.InvalidArgument, "KEY_MALFORMED")
	s.expectRefusal(s.callAs(t.Context(), "", s.caller, "k", "r"), codes.Unauthenticated, "UNAUTHENTICATED")
	s.call(t.Context(), s.caller, "k", "r")
	s.expectRefusal(s.call(t.Context(), s.caller, "k", "another"), codes.FailedPrecondition, "KEY_REUSED")
	if got := s.callAs(t.Context(), "other", s.caller, "k", "another"); got.err != nil || s.shop.effects.Load() != 2 {
		t.Errorf("another tenant got %v", got.err)
	}
}

func TestACallInFlightIsWaitedForOrReported(t *testing.T) {
	s := serve(t)
	started, mayEnd := make(chan struct{}), make(chan struct{})
	s.shop.answer = func(context.Context, int32) error { close(started); <-mayEnd; return nil }
	first, second := make(chan reply), make(chan reply)
	go func() { first <- s.call(t.Context(), s.caller, "k", "r") }()
	<-started
	go func() { second <- s.call(t.Context(), s.caller, "k", "r") }()
	hasty, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if got := s.call(hasty, s.caller, "k", "r"); status.Code(got.err) != codes.Unavailable && status.Code(got.err) != codes.DeadlineExceeded {
		t.Errorf("a hasty caller got %v", got.err)
	}
	close(mayEnd)
	if a, b := <-first, <-second; !bytes.Equal(a.data, b.data) || a.err != nil || b.err != nil || s.shop.effects.Load() != 1 {
		t.Errorf("got %+v and %+v", a, b)
	}
}

func TestACallerWhoLeavesCancelsNothing(t *testing.T) {
	s := serve(t)
	started := make(chan struct{}, 1)
	s.shop.answer = func(ctx context.Context, _ int32) error {
		started <- struct{}{}
		time.Sleep(200 * time.Millisecond)
		if oncedgrpc.Attempt(ctx).FencingToken() == 0 {
			return errors.New("no attempt")
		}
		return ctx.Err()
	}
	ctx, leave := context.WithCancel(t.Context())
	go func() { <-started; leave() }()
	if got := s.call(ctx, s.caller, "k", "r"); status.Code(got.err) != codes.Canceled {
		t.Fatalf("got %v", got.err)
	}
	if got := s.call(t.Context(), s.caller, "k", "r"); got.err != nil || !got.isReplayed || s.shop.effects.Load() != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestAPanicIsTheServersAndHoldsTheKey(t *testing.T) {
	recovered := make(chan any, 1)
	s := serve(t, oncedgrpc.WithRun(onced.WithWait(0)))
	s.shop.answer = func(context.Context, int32) error { panic("boom") }
	s.recovered = func(cause any) { recovered <- cause }
	if got := s.call(t.Context(), s.caller, "k", "r"); status.Code(got.err) != codes.Internal || <-recovered != "boom" {
		t.Errorf("got %v", got.err)
	}
	s.expectRefusal(s.call(t.Context(), s.caller, "k", "r"), codes.Aborted, "OUTCOME_UNKNOWN")
}
