package dev.onced;

import dev.onced.v1.Fingerprint;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Options of one run. Immutable: start from {@link #defaults}, each method gives changed options. */
public final class RunOptions implements Cloneable {
  private static final RunOptions DEFAULTS = new RunOptions();

  Duration lease;
  Duration ttl;
  Duration wait = Limits.RUN_WAIT;
  Duration beginTimeout = Limits.RUN_BEGIN_TIMEOUT;
  Duration recordWait;
  String owner;
  Map<String, String> labels = Map.of();
  List<String> exclude = List.of();
  List<Fingerprint> fingerprints = List.of();
  Function<Exception, WorkError> classify = error -> null;

  private RunOptions() {}

  public static RunOptions defaults() {
    return DEFAULTS;
  }

  /**
   * Length of the lease, renewed while the work runs. 100 ms to 24 h; the namespace's own by default (30 s). Short leases
   * notice a crash sooner.
   */
  public RunOptions lease(Duration lease) {
    RunOptions changed = copy();
    changed.lease = lease;
    return changed;
  }

  /** How long the outcome is kept. 1 s to 400 d; the namespace's own by default (24 h). Longer than your retries! */
  public RunOptions ttl(Duration ttl) {
    RunOptions changed = copy();
    changed.ttl = ttl;
    return changed;
  }

  /**
   * How long to wait for the outcome of somebody else who is at it, or for the delay of a released key, before the run ends
   * with {@link RunException.StillInProgress} or {@link RunException.NotYet}. A minute by default; zero for no waiting.
   */
  public RunOptions wait(Duration wait) {
    RunOptions changed = copy();
    changed.wait = wait;
    return changed;
  }

  /** How long to go on asking a server that does not answer. A minute by default. */
  public RunOptions beginTimeout(Duration beginTimeout) {
    RunOptions changed = copy();
    changed.beginTimeout = beginTimeout;
    return changed;
  }

  /**
   * How long the run waits, after the work, for its outcome to be recorded. After it the run ends with {@link
   * RunException.NotRecorded}, while the recording goes on behind it; for servers, whose threads are few. By default as
   * long as it takes (see {@link OncedClientBuilder#settleFor}).
   */
  public RunOptions recordWait(Duration recordWait) {
    RunOptions changed = copy();
    changed.recordWait = recordWait;
    return changed;
  }

  /** Who asks, for people. The client's owner by default. */
  public RunOptions owner(String owner) {
    RunOptions changed = copy();
    changed.owner = owner;
    return changed;
  }

  /** Labels of the record, such as a trace id. Up to 16, names 1 to 64 bytes, values up to 256 bytes. */
  public RunOptions labels(Map<String, String> labels) {
    RunOptions changed = copy();
    changed.labels = Map.copyOf(labels);
    return changed;
  }

  /** Parts of the request that its fingerprint leaves out; see {@link Fingerprints}. */
  public RunOptions exclude(String... pointers) {
    RunOptions changed = copy();
    changed.exclude = List.of(pointers);
    return changed;
  }

  /** Fingerprints besides that of the request: up to 4 of different schemes, so that a scheme can change. */
  public RunOptions fingerprints(List<Fingerprint> fingerprints) {
    RunOptions changed = copy();
    changed.fingerprints = List.copyOf(fingerprints);
    return changed;
  }

  /** One place that knows what your own exceptions mean. It is asked for those that are no {@link WorkError}; null is unknown. */
  public RunOptions classify(Function<Exception, WorkError> classify) {
    RunOptions changed = copy();
    changed.classify = classify;
    return changed;
  }

  private RunOptions copy() {
    try {
      return (RunOptions) clone();
    } catch (CloneNotSupportedException e) {
      throw new IllegalStateException("the class is Cloneable", e);
    }
  }
}
