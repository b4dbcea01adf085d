// All keyboard shortcuts.

import { PAGES } from './pages.ts';
import { Dialog } from '../parts/dialog.tsx';

const ELSEWHERE: readonly (readonly [string, string])[] = [
  ['/', 'find a key'],
  ['?', 'this list'],
  ['t', 'light or dark'],
  ['↓ ↑', 'the next or previous row of a list'],
  ['Enter', 'open the row'],
  ['Esc', 'close a dialog'],
];

export default function Help({ onClose }: { readonly onClose: () => void }) {
  const pages = PAGES.map(({ letter, name }) => [`g ${letter}`, name] as const);
  return (
    <Dialog onClose={onClose} title="Keyboard shortcuts">
      <dl className="shortcuts">
        {[...pages, ...ELSEWHERE].map(([keys, meaning]) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
