// Whether somebody looks at this tab. A stream in a hidden one would hold one of the six connections that a browser has
// for a server.

import { useSyncExternalStore } from 'react';

const isVisible = (): boolean => document.visibilityState === 'visible';

function subscribe(onChange: () => void): () => void {
  document.addEventListener('visibilitychange', onChange);
  return () => document.removeEventListener('visibilitychange', onChange);
}

export const useVisible = (): boolean => useSyncExternalStore(subscribe, isVisible);
