package dev.onced.http;

import dev.onced.Attempt;
import dev.onced.DerivedKeys;
import dev.onced.Need;
import dev.onced.OncedClient;
import dev.onced.Result;
import dev.onced.RunException;
import dev.onced.RunOptions;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Makes servlets idempotent by the Idempotency-Key header, as the IETF draft has it.
 *
 * <p>A request with a key runs its servlet once; repeats get the stored response with "Idempotency-Replayed: true". While it
 * runs they get 409 and Retry-After, with another request under the same key 422. A client that hangs up cancels nothing. It
 * must come after authentication. Servlets behind it are not asynchronous.
 */
public final class IdempotencyFilter implements Filter {
  /** Request attribute with the {@link Attempt} under which a servlet runs. */
  public static final String ATTEMPT = "dev.onced.attempt";

  private static final DateTimeFormatter HTTP_DATE =
      DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US).withZone(ZoneOffset.UTC);

  private final FilterOptions options;

  IdempotencyFilter(FilterOptions options) {
    this.options = options;
  }

  /**
   * Whose key it is: a tenant or principal, from what was authenticated. Keys of two scopes never meet. Null or empty refuses
   * the request with 401. Never use an address: people behind one share it.
   */
  @FunctionalInterface
  public interface Scope {
    String of(HttpServletRequest request);
  }

  /** A filter under keys of a namespace. */
  public static IdempotencyFilterBuilder builder(OncedClient client, String namespace, Scope scope) {
    return new IdempotencyFilterBuilder(client, namespace, scope);
  }

  @Override
  public void doFilter(ServletRequest plainRequest, ServletResponse plainResponse, FilterChain chain)
      throws IOException, ServletException {
    HttpServletRequest request = (HttpServletRequest) plainRequest;
    HttpServletResponse response = (HttpServletResponse) plainResponse;
    List<String> keys = Collections.list(request.getHeaders(options.keyHeader()));
    Need need = options.need().apply(request);
    if (need == Need.NEVER || (need == Need.OPTIONAL && keys.isEmpty())) {
      chain.doFilter(request, response);
      return;
    }
    if (keys.isEmpty()) {
      Problem.MISSING.write(response, "this request needs an " + options.keyHeader() + " header");
      return;
    }
    String key = KeyHeader.read(keys);
    if (key == null) {
      Problem.MALFORMED.write(response, KeyHeader.RULE);
      return;
    }
    String scope = options.scope().of(request);
    if (scope == null || scope.isEmpty()) {
      Problem.NOBODY.write(response, "an idempotency key needs an authenticated caller");
      return;
    }
    byte[] body = request.getInputStream().readNBytes(options.requestBytesMax() + 1);
    if (body.length > options.requestBytesMax()) {
      Problem.TOO_LARGE.write(response, "the request is too large to be made idempotent");
      return;
    }
    serveOnce(request, response, chain, new Keyed(key, scope, body));
  }

  private record Keyed(String key, String scope, byte[] body) {
    String storedKey() {
      return DerivedKeys.derive(key, scope);
    }
  }

  private void serveOnce(HttpServletRequest request, HttpServletResponse response, FilterChain chain, Keyed keyed)
      throws IOException, ServletException {
    HeldResponse held = new HeldResponse(response, options.responseBytesMax());
    Serving serving = new Serving(options, new HeldRequest(request, keyed.body), held, chain);
    try {
      finish(response, held, options.client().run(options.namespace(), keyed.storedKey(), run(request, keyed), serving));
    } catch (IOException | ServletException e) {
      throw e;
    } catch (Exception e) {
      explain(response, held, serving, e);
    }
  }

  private static void explain(HttpServletResponse response, HeldResponse held, Serving serving, Exception e)
      throws IOException, ServletException {
    boolean isOutcomeLost = e instanceof RunException.NotRecorded || e instanceof RunException.FailedForGood;
    if (held.isPassing()) {
      return; // the answer has been sent already
    }
    if (serving.hasAnswered() && !isOutcomeLost) {
      finish(response, held, null); // the servlet's own answer, which is not the outcome
    } else if (!serving.hasRun() || isOutcomeLost) {
      response.reset(); // headers of an answer that is not given
      Refusals.write(response, e);
    } else if (e instanceof RuntimeException own) {
      throw own;
    } else {
      throw new ServletException(e);
    }
  }

  private RunOptions run(HttpServletRequest request, Keyed keyed) {
    return options.run()
        .labels(Map.of("http.key", keyed.key, "http.method", request.getMethod(), "http.path", path(request)))
        .fingerprints(List.of(RequestFingerprint.of(request, keyed.body, options.exclude())));
  }

  private static String path(HttpServletRequest request) {
    String path = request.getRequestURI(); // still encoded, so that it is ASCII
    return path.substring(0, Math.min(path.length(), 256));
  }

  private static void finish(HttpServletResponse response, HeldResponse held, Result result) throws IOException {
    if (held.isPassing()) {
      return; // it has been sent already
    }
    if (result != null) {
      response.setHeader("Idempotency-Expires", HTTP_DATE.format(result.expireTime()));
    }
    if (result != null && result.isReplayed()) {
      response.setHeader("Idempotency-Replayed", "true");
      StoredResponse.replay(result, response);
    } else {
      StoredResponse.writeBody(response, held.body());
    }
  }
}
