// Text that others wrote: as text, never as markup, in its own direction, with characters that would not show shown by number.

import { memo } from 'react';
import { codePointOf, piecesOf } from '../format/characters.ts';

interface VisibleProps {
  readonly text: string;
  /** Line feeds and tabs stay what they are. */
  readonly keepsLines?: boolean;
}

export const Visible = memo(function Visible({ text, keepsLines = false }: VisibleProps) {
  return (
    <bdi className="visible">
      {piecesOf(text, { keepsLines }).map((piece, index) =>
        piece.isHidden ? (
          <span key={index} className="code-point">
            {codePointOf(piece.text)}
          </span>
        ) : (
          piece.text
        ),
      )}
    </bdi>
  );
});
