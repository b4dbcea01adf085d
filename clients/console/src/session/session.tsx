// Who is signed in. The credentials live in this module's closures and nowhere else: a reload asks for them again, and no
// other page of this origin can read them from a storage.

import { timestampMs } from '@bufbuild/protobuf/wkt';
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import type { GetCallerResponse } from '../../../../proto/gen/onced/v1/admin_pb.js';
import type { GetServerInfoResponse } from '../../../../proto/gen/onced/v1/idempotency_pb.js';
import { createApi, type Api } from '../api/client.ts';
import { troubleOf, type Trouble } from '../api/trouble.ts';
import { setServerClock } from '../hooks/use-now.ts';
import { Checking } from './checking.tsx';
import { SignIn } from './sign-in.tsx';

export interface Session {
  readonly api: Api;
  readonly caller: GetCallerResponse;
  readonly info: GetServerInfoResponse;
  /** The server asks for no credentials. */
  readonly isAnonymous: boolean;
  readonly signOut: () => void;
}

interface Opened extends Omit<Session, 'signOut' | 'isAnonymous'> {
  /** Counts sign-ins: pages of one start afresh in the next. */
  readonly id: number;
}

const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error('no session: this is shown before sign-in');
  return session;
}

export function SessionGate({ children }: { readonly children: ReactNode }) {
  const [opened, setOpened] = useState<Opened>();
  const [isRefused, setIsRefused] = useState(false);
  const [trouble, setTrouble] = useState<Trouble>();

  const open = useCallback(async (token: string | undefined): Promise<boolean> => {
    let isOpen = false;
    // A call of an earlier session that fails late must not end the one that came after it.
    const onRefused = (): void => void (isOpen && setIsRefused(true));
    try {
      const session = await openSession(createApi({ token, onRefused }));
      isOpen = true;
      setOpened((before) => ({ ...session, id: (before?.id ?? 0) + 1 }));
      setIsRefused(false);
      setTrouble(undefined);
    } catch (error) {
      const why = troubleOf(error);
      setTrouble(token === undefined && why?.reason === 'UNAUTHENTICATED' ? undefined : why);
      if (token === undefined) setIsRefused(why?.reason === 'UNAUTHENTICATED');
    }
    return isOpen;
  }, []);

  // Without credentials first: a server on loopback asks for none.
  useEffect(() => void open(undefined), [open]);

  const signOut = useCallback(() => {
    setOpened(undefined);
    setIsRefused(true);
  }, []);
  const session = useMemo(
    () => (opened === undefined ? undefined : { ...opened, signOut, isAnonymous: opened.caller.name === 'anonymous' }),
    [opened, signOut],
  );

  if (session === undefined && !isRefused) return <Checking trouble={trouble} onRetry={() => void open(undefined)} />;
  return (
    <>
      {session !== undefined && (
        // A session that ended keeps its page, so that whoever signs in again finds what was being written.
        <div hidden={isRefused}>
          <SessionContext.Provider value={session}>{children}</SessionContext.Provider>
        </div>
      )}
      {isRefused && <SignIn isAgain={session !== undefined} trouble={trouble} onSignIn={open} />}
    </>
  );
}

async function openSession(api: Api): Promise<Omit<Opened, 'id'>> {
  const [caller, info] = await Promise.all([api.admin.getCaller({}), api.idempotency.getServerInfo({})]);
  if (info.serverTime !== undefined) setServerClock(timestampMs(info.serverTime));
  return { api, caller, info };
}
