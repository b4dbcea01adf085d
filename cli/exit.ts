// Exit codes of the commands, for scripts.

export const EXIT = {
  ok: 0,
  /** Asked and answered no: not found, a check that failed, a server that could not start. */
  no: 1,
  /** A mistake in flags, arguments, environment or settings file. */
  usage: 2,
  unreachable: 3,
  /** The server answered with an error. */
  refused: 4,
} as const;
