// Calls that last: a credential that is revoked, or runs out, meanwhile must end them too, within 5 s on every server.

import { limits } from '../limits.ts';
import { everybodyIsAnonymous, type Evidence, type Identify, type Principal } from '../principal.ts';

/** Asks once more who the caller is; undefined where that cannot change. */
export type IdentifyAgain = () => Principal | Promise<Principal>;

export const identifyAgainOf = (identify: Identify, evidence: Evidence): IdentifyAgain | undefined =>
  identify === everybodyIsAnonymous ? undefined : () => identify({ ...evidence, wasLetIn: true });

interface Listener {
  /** Who it is now. */
  readonly onKnown?: (principal: Principal) => void;
  readonly onRefused: (error: unknown) => void;
}

/** Asks again and again, until told to stop or refused. */
export function stillIdentified(again: IdentifyAgain | undefined, { onKnown, onRefused }: Listener): () => void {
  if (again === undefined) return () => undefined;
  const timer = setInterval(() => {
    Promise.resolve()
      .then(again)
      .then(onKnown)
      .catch((error: unknown) => {
        clearInterval(timer);
        onRefused(error);
      });
  }, limits.identityMsMax);
  timer.unref();
  return () => clearInterval(timer);
}
