// A failed call, shown where it matters: what happened, what to do, and the server's own words.

import { Alert, Button } from '@mantine/core';
import type { Trouble } from '../api/trouble.ts';
import { Visible } from './visible.tsx';

interface TroubleNoticeProps {
  readonly trouble: Trouble;
  readonly onRetry?: (() => void) | undefined;
}

export function TroubleNotice({ trouble, onRetry }: TroubleNoticeProps) {
  return (
    <Alert role="alert" color="red" variant="light" title={trouble.title} className="trouble">
      <p>{trouble.advice}</p>
      <p className="trouble-detail">
        <code>{trouble.reason}</code> <Visible text={trouble.detail} />
      </p>
      {onRetry !== undefined && (
        <Button size="xs" variant="default" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}
