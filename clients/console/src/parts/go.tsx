// A link within the console: no new load, and the session in memory stays.

import type { AnchorHTMLAttributes, MouseEvent } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { pathTo, type Parameters } from '../hooks/use-parameters.ts';

interface GoProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href' | 'onClick'> {
  readonly to: string;
  readonly parameters?: Parameters;
}

export function Go({ to, parameters, children, ...rest }: GoProps) {
  const href = pathTo(to, parameters);
  const follow = (event: MouseEvent): void => {
    // Those who ask for another tab get one, and sign in there.
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    navigate(href);
  };
  return (
    <a {...rest} href={href} onClick={follow}>
      {children}
    </a>
  );
}
