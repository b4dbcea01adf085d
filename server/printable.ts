// Text that others wrote, on its way to a log or a terminal.

/** Control characters as `\u…`, so that they start no line, hide nothing and steer no terminal. JSON leaves half of them. */
export const printable = (value: string): string =>
  value.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
