package dev.onced;

/**
 * The side effect. When its lease is about to be lost, its thread is interrupted and {@link Attempt#isStopped} says so:
 * then stop at once, and begin nothing new.
 *
 * @param <T> what it returns
 * @param <E> what it may throw; {@link RuntimeException} for nothing checked
 */
@FunctionalInterface
public interface Work<T, E extends Exception> {
  T run(Attempt attempt) throws E;
}
