// Before anything is known of the server: a moment of nothing, then why it takes longer.

import { useEffect } from 'react';
import type { Trouble } from '../api/trouble.ts';
import { TroubleNotice } from '../parts/trouble-notice.tsx';

const RETRY_MS = 2000;

interface CheckingProps {
  readonly trouble: Trouble | undefined;
  readonly onRetry: () => void;
}

export function Checking({ trouble, onRetry }: CheckingProps) {
  useEffect(() => {
    if (trouble === undefined) return;
    const timer = setTimeout(onRetry, RETRY_MS);
    return () => clearTimeout(timer);
  }, [trouble, onRetry]);
  return (
    <main className="gate">
      <h1 className="visually-hidden">Onced</h1>
      {trouble === undefined ? <p className="dim">Asking the server …</p> : <TroubleNotice trouble={trouble} />}
    </main>
  );
}
