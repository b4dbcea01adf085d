// Sign-in with what programs use too: an API key or a token of the OIDC issuer that the server believes.

import { Button, TextInput } from '@mantine/core';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import type { Trouble } from '../api/trouble.ts';
import { Command } from '../parts/command.tsx';
import { Mark } from '../parts/icons.tsx';
import { TroubleNotice } from '../parts/trouble-notice.tsx';

interface SignInProps {
  /** There was a session, and it ended. */
  readonly isAgain: boolean;
  readonly trouble: Trouble | undefined;
  /** True when the server took the credentials. */
  readonly onSignIn: (token: string) => Promise<boolean>;
}

export function SignIn({ isAgain, trouble, onSignIn }: SignInProps) {
  const field = useRef<HTMLInputElement>(null);
  const [isBusy, setIsBusy] = useState(false);
  useEffect(() => field.current?.focus(), []);

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const token = (field.current?.value ?? '').trim();
    if (token === '') return;
    setIsBusy(true);
    void onSignIn(token).then((isOpen) => {
      if (!isOpen) setIsBusy(false);
    });
  };
  return (
    <main className="gate">
      <form className="gate-card" onSubmit={submit}>
        <div className="gate-head">
          <Mark />
          <h1>{isAgain ? 'Sign in again' : 'Sign in to Onced'}</h1>
        </div>
        {isAgain && trouble === undefined && (
          <p role="status">Your session has ended: the server does not know these credentials any more.</p>
        )}
        <TextInput
          ref={field}
          type="password"
          label="API key or OIDC token"
          description="Kept in this page's memory only; a reload asks again."
          autoComplete="off"
          spellCheck={false}
          required
        />
        <Button type="submit" loading={isBusy} fullWidth>
          Sign in
        </Button>
        {trouble !== undefined && <TroubleNotice trouble={trouble} />}
        <div className="gate-help">
          <p>No key yet? Whoever holds the admin key makes one:</p>
          <Command text="onced token create me --grant 'operator:*'" />
        </div>
      </form>
    </main>
  );
}
