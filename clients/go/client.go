package onced

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/onced/onced/clients/go/oncedv1"
)

// Client talks to one Onced server or cluster. Safe for concurrent use; make one per process and Close it at the end.
type Client struct {
	connection *grpc.ClientConn
	rpc        oncedv1.IdempotencyServiceClient
	options    clientOptions
	budget     *retryBudget
	isClosed   atomic.Bool
}

// New makes a client for target, such as "127.0.0.1:50051" or "dns:///onced.internal:443". It connects on first use.
func New(target string, options ...Option) (*Client, error) {
	o := newClientOptions(options)
	connection, err := grpc.NewClient(target, dialOptions(target, o)...)
	if err != nil {
		return nil, fmt.Errorf("onced: target %q: %w", target, err)
	}
	rpc := oncedv1.NewIdempotencyServiceClient(connection)
	return &Client{connection: connection, rpc: rpc, options: o, budget: newRetryBudget()}, nil
}

// Close ends the connection. Calls under way fail, and outcomes that are still being recorded are given up.
func (c *Client) Close() error {
	c.isClosed.Store(true)
	return c.connection.Close()
}

// RPC is the generated client on the same connection, for calls that have no method here. It neither retries nor bounds.
func (c *Client) RPC() oncedv1.IdempotencyServiceClient { return c.rpc }

func dialOptions(target string, o clientOptions) []grpc.DialOption {
	transport := transportCredentials(target, o)
	dial := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		// This client retries by itself: the library's own retries know neither attempt ids nor budgets.
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: backoffBase, Multiplier: 1.6, Jitter: 0.2, MaxDelay: reconnectMax},
			MinConnectTimeout: defaultSettleTimeout,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveAfter, Timeout: keepaliveTimeout}),
	}
	if o.apiKey != "" {
		isPlain := transport.Info().SecurityProtocol == "insecure"
		dial = append(dial, grpc.WithPerRPCCredentials(bearer{key: o.apiKey, isPlainAllowed: isPlain}))
	}
	return append(dial, o.dialOptions...)
}

func transportCredentials(target string, o clientOptions) credentials.TransportCredentials {
	switch {
	case o.tls != nil:
		return credentials.NewTLS(o.tls)
	case o.plaintext || isLoopback(target):
		return insecure.NewCredentials()
	default:
		return credentials.NewTLS(nil)
	}
}

// isLoopback tells whether target names this machine, so that plain text stays on it.
func isLoopback(target string) bool {
	if strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "unix-abstract:") {
		return true
	}
	address := target[strings.LastIndex(target, "/")+1:]
	address = strings.TrimPrefix(strings.TrimPrefix(address, "dns:"), "passthrough:")
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

type bearer struct {
	key            string
	isPlainAllowed bool
}

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.key}, nil
}

func (b bearer) RequireTransportSecurity() bool { return !b.isPlainAllowed }
