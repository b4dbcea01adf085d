// Which characters of a foreign text do not show, or change how what stands around them is shown.

/** Controls, formatting (zero width, direction), separators, unassigned ones, and blanks that look like nothing. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\u{34f}\u00a0\u115f\u1160\u2800\u3164\uffa0]/u;
const PIECES = new RegExp(`(${INVISIBLE.source})`, 'u');

export interface Piece {
  readonly text: string;
  /** Shown by its number, such as U+200B, instead of as itself. */
  readonly isHidden: boolean;
}

export function piecesOf(text: string, { keepsLines }: { readonly keepsLines: boolean }): readonly Piece[] {
  if (!INVISIBLE.test(text)) return [{ text, isHidden: false }];
  const pieces = text.split(PIECES).filter((piece) => piece !== '');
  return pieces.map((piece) => {
    const isLine = keepsLines && (piece === '\n' || piece === '\t');
    return { text: piece, isHidden: !isLine && INVISIBLE.test(piece) };
  });
}

export const codePointOf = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
