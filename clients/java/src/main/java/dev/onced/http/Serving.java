package dev.onced.http;

import dev.onced.Attempt;
import dev.onced.Result;
import dev.onced.RetryableError;
import dev.onced.UnknownOutcomeError;
import dev.onced.Work;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;

/** The servlet's run as work: its response becomes a result, or says what to do with the key. */
final class Serving implements Work<Result, Exception> {
  private final FilterOptions options;
  private final HttpServletRequest request;
  private final HeldResponse response;
  private final FilterChain chain;
  private boolean hasRun;
  private boolean hasAnswered;

  Serving(FilterOptions options, HttpServletRequest request, HeldResponse response, FilterChain chain) {
    this.options = options;
    this.request = request;
    this.response = response;
    this.chain = chain;
  }

  boolean hasRun() {
    return hasRun;
  }

  /** It ended with a response, not with an exception. */
  boolean hasAnswered() {
    return hasAnswered;
  }

  @Override
  public Result run(Attempt attempt) throws IOException, ServletException {
    hasRun = true;
    request.setAttribute(IdempotencyFilter.ATTEMPT, attempt);
    chain.doFilter(request, response);
    response.finishWriting();
    hasAnswered = true;
    int status = response.getStatus();
    String answered = "the servlet answered " + status;
    return switch (options.verdict().apply(status)) {
      case RELEASE -> throw new RetryableError(answered, retryAfter(), null);
      case HOLD -> throw new UnknownOutcomeError(answered);
      case STORE -> StoredResponse.of(response, options.replayedHeaders());
    };
  }

  /** What a servlet told its caller; only in seconds, since a date needs two clocks that agree. */
  private Duration retryAfter() {
    String seconds = ((HttpServletResponse) response.getResponse()).getHeader("Retry-After");
    boolean isNumber = seconds != null && seconds.matches("\\d{1,4}");
    return isNumber ? Duration.ofSeconds(Integer.parseInt(seconds)) : Duration.ZERO;
  }
}
