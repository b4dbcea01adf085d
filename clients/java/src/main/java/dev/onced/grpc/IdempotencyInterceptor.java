package dev.onced.grpc;

import dev.onced.Attempt;
import dev.onced.DerivedKeys;
import dev.onced.FingerprintException;
import dev.onced.Need;
import dev.onced.OncedClient;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.StatusRuntimeException;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes the unary methods of a gRPC server idempotent, by a key in the metadata of the call.
 *
 * <p>A call with an "idempotency-key" runs its method once; repeats get the stored response, or the stored status with its
 * details, byte for byte, and "idempotency-replayed: true". A caller who leaves cancels nothing. It must come after
 * authentication. The call's thread waits until the method has answered: give the server an executor with threads enough.
 */
public final class IdempotencyInterceptor implements ServerInterceptor {
  /** The attempt under which a method runs: its fencing token, its checkpoint. */
  public static final Context.Key<Attempt> ATTEMPT = Context.key("dev.onced.attempt");

  private static final int KEY_LENGTH_MAX = 255;

  private final InterceptorOptions options;

  IdempotencyInterceptor(InterceptorOptions options) {
    this.options = options;
  }

  /**
   * Whose key it is: a tenant or principal, from what was authenticated. Keys of two scopes never meet. Null or empty refuses
   * the call with UNAUTHENTICATED.
   */
  @FunctionalInterface
  public interface Scope {
    String of(ServerCall<?, ?> call, Metadata headers);
  }

  /** A caller's key, and the one under which its call is stored. */
  record Keys(String key, String stored) {}

  /** An interceptor under keys of a namespace. */
  public static IdempotencyInterceptorBuilder builder(OncedClient client, String namespace, Scope scope) {
    return new IdempotencyInterceptorBuilder(client, namespace, scope);
  }

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    MethodDescriptor<Q, R> method = call.getMethodDescriptor();
    boolean hasKey = headers.containsKey(options.keyHeader());
    Need need = options.need().apply(method.getFullMethodName());
    boolean isUnary = method.getType() == MethodDescriptor.MethodType.UNARY;
    if (!isUnary || need == Need.NEVER || (need == Need.OPTIONAL && !hasKey)) {
      return next.startCall(call, headers);
    }
    try {
      Keys keys = keys(call, headers);
      call.request(2); // the request, and one too many to be told of, as a unary method asks
      return new KeyedCall<>(options, call, headers, next, keys);
    } catch (StatusRuntimeException refusal) {
      call.close(refusal.getStatus(), refusal.getTrailers());
      return new ServerCall.Listener<>() {};
    }
  }

  private Keys keys(ServerCall<?, ?> call, Metadata headers) {
    List<String> keys = new ArrayList<>();
    if (headers.containsKey(options.keyHeader())) {
      headers.getAll(options.keyHeader()).forEach(keys::add);
    }
    if (keys.isEmpty()) {
      throw Refusals.keyMissing();
    }
    String scope = options.scope().of(call, headers);
    if (scope == null || scope.isEmpty()) {
      throw Refusals.nobody();
    }
    if (keys.size() > 1 || keys.get(0).length() > KEY_LENGTH_MAX) {
      throw Refusals.keyMalformed();
    }
    try {
      return new Keys(keys.get(0), DerivedKeys.derive(keys.get(0), scope));
    } catch (FingerprintException e) {
      throw Refusals.keyMalformed();
    }
  }
}
