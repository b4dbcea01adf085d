// Package oncedgrpc makes the unary methods of a gRPC server idempotent, by a key in the metadata of the call.
//
// A call with an "idempotency-key" runs its method once; repeats get the stored response, or the stored status with its
// details, byte for byte, and "idempotency-replayed: true" in the header. A caller who leaves cancels nothing.
package oncedgrpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	onced "github.com/onced/onced/clients/go"
)

// Scope tells whose key it is: a tenant or principal, from what was authenticated. Keys of two scopes never meet. An
// error, or an empty scope, refuses the call with UNAUTHENTICATED.
type Scope func(ctx context.Context) (string, error)

// SingleTenant is the scope of a service whose callers may all see one another's responses.
func SingleTenant(context.Context) (string, error) { return "single-tenant", nil }

// UnaryServerInterceptor makes methods idempotent, under keys of namespace. It must come after authentication.
//
// Interceptors before it see the message of a response with all its content as unknown fields: that is how the bytes stay
// what they were.
func UnaryServerInterceptor(
	client *onced.Client, namespace string, scope Scope, options ...Option,
) grpc.UnaryServerInterceptor {
	o := newOptions(options)
	i := &interceptor{client: client, namespace: namespace, scope: scope, options: o}
	return i.intercept
}

type interceptor struct {
	client    *onced.Client
	namespace string
	scope     Scope
	options   options
}

func (i *interceptor) intercept(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler,
) (any, error) {
	keys := metadata.ValueFromIncomingContext(ctx, i.options.keyHeader)
	need := i.options.need(info.FullMethod)
	if need == onced.Never || (need == onced.Optional && len(keys) == 0) {
		return next(ctx, request)
	}
	key, err := i.storedKey(ctx, keys)
	if err != nil {
		return nil, err
	}
	message, ok := request.(proto.Message)
	if !ok {
		return nil, refusalNotProtobuf
	}
	fingerprint, err := fingerprint(info.FullMethod, message, i.options.exclude)
	if err != nil {
		return nil, refusalNoFingerprint(err)
	}
	w := &work{interceptor: i, method: info.FullMethod, request: request, next: next, ended: make(chan struct{})}
	run := []onced.RunOption{
		onced.WithWait(waitMax), onced.WithBeginTimeout(beginTimeout),
		onced.WithLabels(map[string]string{"grpc.key": keys[0], "grpc.method": cut(info.FullMethod)}),
	}
	run = append(run, i.options.run...)
	return w.outcome(ctx, key, append(run, onced.WithFingerprints(fingerprint)))
}

func (i *interceptor) storedKey(ctx context.Context, keys []string) (string, error) {
	if len(keys) == 0 {
		return "", refusalKeyMissing
	}
	scope, err := i.scope(ctx)
	if err != nil || scope == "" {
		return "", refusalNobody
	}
	if len(keys) > 1 || len(keys[0]) > keyBytesMax {
		return "", refusalKeyMalformed
	}
	key, err := onced.DeriveKey(keys[0], scope)
	if err != nil {
		return "", refusalKeyMalformed
	}
	return key, nil
}
