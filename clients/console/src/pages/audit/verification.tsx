// Whether the audit log is whole, and what that proves.

import { Alert, Button } from '@mantine/core';
import { plural } from '../../format/numbers.ts';
import { TroubleNotice } from '../../parts/trouble-notice.tsx';
import { canVerify } from './chain.ts';
import { useVerification, type Verification as State } from './use-verification.ts';

export function Verification() {
  const { verification, verify, stop } = useVerification();
  if (!canVerify()) {
    return (
      <p className="dim">
        This browser checks the chain only over HTTPS or on loopback; onced audit verify does it too.
      </p>
    );
  }
  return (
    <div className="verification">
      {verification.phase === 'running' ? (
        <Button variant="default" onClick={stop}>
          Stop
        </Button>
      ) : (
        <Button variant="default" onClick={() => void verify()}>
          Verify the chain
        </Button>
      )}
      <Outcome verification={verification} />
      {verification.trouble !== undefined && <TroubleNotice trouble={verification.trouble} />}
    </div>
  );
}

function Outcome({ verification: { phase, count, brokenAt, newestHash } }: { readonly verification: State }) {
  switch (phase) {
    case 'idle':
      return <span className="dim">Each event’s hash covers the one before it.</span>;
    case 'running':
      return <span role="status">{plural(count, 'event')} checked …</span>;
    case 'stopped':
      return <span role="status">Stopped after {plural(count, 'event')}: so far unbroken.</span>;
    case 'unbroken':
      return (
        <span role="status" className="good">
          {plural(count, 'event')}, unbroken{newestHash !== '' && '; the newest hash is '}
          {newestHash !== '' && <code>{newestHash.slice(0, 16)}…</code>}
        </span>
      );
    case 'broken':
      return (
        <Alert role="alert" color="red" variant="light" title={`The chain is broken at event ${String(brokenAt)}`}>
          It was changed or removed, or one before it was. Keep the store as it is and compare with a backup.
        </Alert>
      );
  }
}
