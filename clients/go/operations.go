package onced

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/onced/onced/clients/go/oncedv1"
)

// Begin asks whether the side effect may be done now. It fills in attempt_id and owner where they are empty, and repeats
// itself with the same attempt id while the server is out of reach. Count a lease in the answer from before you called.
// Most programs want RunOnce instead.
func (c *Client) Begin(ctx context.Context, request *oncedv1.BeginIntentRequest) (*oncedv1.BeginIntentResponse, error) {
	response, _, err := c.begin(ctx, request, triesMax)
	return response, err
}

func (c *Client) begin(
	ctx context.Context, request *oncedv1.BeginIntentRequest, tries int,
) (*oncedv1.BeginIntentResponse, time.Time, error) {
	if request.GetAttemptId() == "" {
		request.AttemptId = NewAttemptID()
	}
	if request.GetOwner() == "" {
		request.Owner = c.options.owner
	}
	timeout := c.options.timeouts.Begin + request.GetWait().AsDuration()
	rule := callRule{name: "BeginIntent", tryTimeout: timeout, tries: tries}
	return call(ctx, c, rule, request, c.rpc.BeginIntent)
}

// Complete records a result and keeps trying until it is recorded, refused for good, or Timeouts.SettleFor is over. The
// end of ctx does not stop it, Close does: a lost Complete is what causes duplicates.
func (c *Client) Complete(ctx context.Context, request *oncedv1.CompleteRequest) (*oncedv1.CompleteResponse, error) {
	ctx, cancel := c.shielded(ctx)
	defer cancel()
	response, _, err := call(ctx, c, c.settleRule("Complete"), request, c.rpc.Complete)
	return response, err
}

// Fail ends an attempt without a result. It keeps trying as Complete does.
func (c *Client) Fail(ctx context.Context, request *oncedv1.FailRequest) (*oncedv1.FailResponse, error) {
	ctx, cancel := c.shielded(ctx)
	defer cancel()
	response, _, err := call(ctx, c, c.settleRule("Fail"), request, c.rpc.Fail)
	return response, err
}

// Lookup shows a record without taking anything. ErrIntentNotFound when there is none.
func (c *Client) Lookup(ctx context.Context, namespace, key string, includeResult bool) (*oncedv1.IntentRecord, error) {
	request := &oncedv1.LookupRequest{Namespace: namespace, Key: key, IncludeResult: includeResult}
	rule := callRule{name: "Lookup", tryTimeout: c.options.timeouts.Lookup, tries: triesMax}
	response, _, err := call(ctx, c, rule, request, c.rpc.Lookup)
	return response.GetRecord(), err
}

// Renew keeps a lease. RunOnce does it by itself.
func (c *Client) Renew(ctx context.Context, request *oncedv1.RenewRequest) (*oncedv1.RenewResponse, error) {
	rule := callRule{name: "Renew", tryTimeout: c.options.timeouts.Settle, tries: triesMax}
	response, _, err := call(ctx, c, rule, request, c.rpc.Renew)
	return response, err
}

// Checkpoint saves bytes for whoever attempts next, and keeps the lease. Inside RunOnce use Attempt.SaveCheckpoint.
func (c *Client) Checkpoint(ctx context.Context, request *oncedv1.CheckpointRequest) (*oncedv1.CheckpointResponse, error) {
	response, _, err := c.checkpoint(ctx, request)
	return response, err
}

func (c *Client) checkpoint(
	ctx context.Context, request *oncedv1.CheckpointRequest,
) (*oncedv1.CheckpointResponse, time.Time, error) {
	rule := callRule{name: "Checkpoint", tryTimeout: c.options.timeouts.Settle, tries: triesMax}
	return call(ctx, c, rule, request, c.rpc.Checkpoint)
}

// ServerInfo tells what the server is, and what an acknowledgement means on its store.
func (c *Client) ServerInfo(ctx context.Context) (*oncedv1.GetServerInfoResponse, error) {
	rule := callRule{name: "GetServerInfo", tryTimeout: c.options.timeouts.Lookup, tries: triesMax}
	response, _, err := call(ctx, c, rule, &oncedv1.GetServerInfoRequest{}, c.rpc.GetServerInfo)
	return response, err
}

// NewAttemptID makes a name for one try of an operation: 26 characters, at least 128 bits from the system's random source.
func NewAttemptID() string { return rand.Text() }

func (c *Client) settleRule(name string) callRule {
	return callRule{name: name, tryTimeout: c.options.timeouts.Settle, isPersistent: true}
}

// shielded keeps the values of ctx but not its end.
func (c *Client) shielded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), c.options.timeouts.SettleFor)
}
