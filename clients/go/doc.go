// Package onced asks an Onced server "may I do this, or was it done?" before a side effect, and tells it the outcome
// afterwards, so that a retried request takes effect once.
//
//	client, err := onced.New("127.0.0.1:50051")
//	...
//	receipt, err := onced.RunOnce(ctx, client, "payments/charge", orderID, order,
//		func(ctx context.Context, attempt *onced.Attempt) (Receipt, error) {
//			return charge(ctx, order, attempt.FencingToken())
//		})
//
// RunOnce returns the stored result when the work was done before, waits or returns an error when somebody else is at
// it, and otherwise runs the work under a lease that it keeps renewed. The packages oncedhttp and oncedgrpc do the same
// for HTTP handlers and gRPC servers.
package onced
