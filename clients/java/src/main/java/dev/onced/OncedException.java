package dev.onced;

import dev.onced.v1.ErrorReason;
import io.grpc.Status;
import java.time.Duration;
import java.util.Map;

/**
 * What a call of the server failed with. The subclass says the reason; a reason that this release does not know, and a call
 * that did not reach Onced, have none.
 */
public class OncedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient Facts facts;

  /**
   * What the server said.
   *
   * @param code the gRPC code
   * @param reason Onced's own word for it; unspecified when the call did not reach Onced
   * @param message for people
   * @param metadata facts, such as state and attempt for a lost lease
   * @param retryAfter how long the server asked to wait; zero when it did not
   * @param fields what is wrong with which field of the request
   */
  public record Facts(
      Status.Code code,
      ErrorReason reason,
      String message,
      Map<String, String> metadata,
      Duration retryAfter,
      Map<String, String> fields) {}

  OncedException(Facts facts, Throwable cause) {
    super(facts.message, cause);
    this.facts = facts;
  }

  public Facts facts() {
    return facts;
  }

  /** The same call, with the same attempt id or token, may succeed later. */
  public boolean isTemporary() {
    return switch (facts.code) {
      case UNAVAILABLE, DEADLINE_EXCEEDED -> true;
      // Without pushback it is not a matter of waiting: a message over the size limit ends with this code too.
      case RESOURCE_EXHAUSTED -> !facts.retryAfter.isZero();
      default -> false;
    };
  }

  /** A field is out of bounds: correct the request. Nothing was written. */
  public static final class InvalidField extends OncedException {
    InvalidField(Facts facts, Throwable cause) {
      super(facts, cause);
    }
  }

  /** The key stands for another request. Use a new key for a new operation. */
  public static final class KeyReused extends OncedException {
    KeyReused(Facts facts, Throwable cause) {
      super(facts, cause);
    }
  }

  /** Another attempt holds or has settled the key: stop the work. */
  public static final class LeaseLost extends OncedException {
    LeaseLost(Facts facts, Throwable cause) {
      super(facts, cause);
    }
  }

  /** This lease token has already settled the attempt with other content; the first stands. */
  public static final class AlreadySettled extends OncedException {
    AlreadySettled(Facts facts, Throwable cause) {
      super(facts, cause);
    }
  }

  /** A late copy of a begin whose attempt has been released since. Begin again with a new attempt id. */
  public static final class AttemptEnded extends OncedException {
    AttemptEnded(Facts facts, Throwable cause) {
      super(facts, cause);
    }
  }

  /** There is no record for the key, or it has expired. For a holder: the effect is not protected. */
  public static final class IntentNotFound extends OncedException {
    IntentNotFound(Facts facts, Throwable cause) {
      super(facts, cause);
    }
  }

  /** The namespace does not exist, and this server makes none on first use. */
  public static final class NamespaceNotFound extends OncedException {
    NamespaceNotFound(Facts facts, Throwable cause) {
      super(facts, cause);
    }
  }

  /** The namespace accepts only keys made by IssueKeys. */
  public static final class KeyNotIssued extends OncedException {
    KeyNotIssued(Facts facts, Throwable cause) {
      super(facts, cause);
    }
  }

  /** A quota of the namespace is used up. */
  public static final class QuotaExceeded extends OncedException {
    QuotaExceeded(Facts facts, Throwable cause) {
      super(facts, cause);
    }
  }

  /** The server sheds load. Nothing was written. */
  public static final class Overloaded extends OncedException {
    Overloaded(Facts facts, Throwable cause) {
      super(facts, cause);
    }
  }

  /** The store is out of reach, or did not say whether it wrote. The same call again finds its own write. */
  public static final class StoreUnavailable extends OncedException {
    StoreUnavailable(Facts facts, Throwable cause) {
      super(facts, cause);
    }
  }

  /** No credentials, or none that are valid. */
  public static final class Unauthenticated extends OncedException {
    Unauthenticated(Facts facts, Throwable cause) {
      super(facts, cause);
    }
  }

  /** The credentials do not allow this in this namespace. */
  public static final class PermissionDenied extends OncedException {
    PermissionDenied(Facts facts, Throwable cause) {
      super(facts, cause);
    }
  }

  /** A bug of the server; its metadata has the request id to find in the server's log. */
  public static final class Internal extends OncedException {
    Internal(Facts facts, Throwable cause) {
      super(facts, cause);
    }
  }

  /** The server does not have this call. */
  public static final class Unimplemented extends OncedException {
    Unimplemented(Facts facts, Throwable cause) {
      super(facts, cause);
    }
  }
}
