package oncedgrpc_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/onced/onced/clients/go/internal/oncedtest"
)

func TestAThousandCallsSentSixTimesOverALossyNetworkTakeEffectOnce(t *testing.T) {
	s := serve(t)
	var effects oncedtest.Effects
	s.shop.answer = func(ctx context.Context, _ int32) error {
		effects.Add(strings.Join(metadata.ValueFromIncomingContext(ctx, "idempotency-key"), ""))
		return nil
	}
	proxy, err := oncedtest.StartProxy(s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	proxy.LoseReplies(0.3)

	_, delivered := oncedtest.SendEachSixTimes(t, func() oncedtest.Send {
		// A connection for each caller, so that a lost reply is one call's own.
		caller := s.connect(proxy.Address, grpc.WithDefaultCallOptions(grpc.WaitForReady(true)),
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: time.Millisecond, Multiplier: 1, MaxDelay: time.Millisecond},
				MinConnectTimeout: 20 * time.Second,
			}))
		return func(key string) []byte { return s.callForOutcome(caller, key) }
	})
	effects.ExpectOneEach(t)
	// The proxy also loses what makes a connection; only what the service answered is a reply.
	answered := s.answered.Load()
	if share := 1 - float64(delivered)/float64(answered); share < 0.25 {
		t.Errorf("only %.2f of %d replies were lost", share, answered)
	}
}

func (s *scene) callForOutcome(caller *grpc.ClientConn, key string) []byte {
	got := s.call(s.t.Context(), caller, key, key)
	switch code := status.Code(got.err); {
	case code == codes.OK:
		return got.data
	// A refusal of the interceptor has a reason.
	case code == codes.Unavailable && reasonOf(got.err) == "":
	default:
		s.t.Errorf("%s: %v", key, got.err)
	}
	return nil
}
