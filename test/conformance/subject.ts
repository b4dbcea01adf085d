// What the suite asks of whoever brings a store: how to make an empty place for it, and what that place can do.

import type { Store } from '../../storage/contract/index.ts';

export interface StoreSubject {
  readonly name: string;
  /** Makes a place of its own (a folder, a schema, a key prefix): nothing that was written elsewhere is seen there. */
  makePlace(): Promise<StorePlace>;
  /** What was acknowledged is still there once the store was closed and opened again. */
  readonly survivesClose?: boolean;
  /** Several stores may be open on one place at once: many servers. */
  readonly allowsPeers?: boolean;
  /** A peer's changes reach `onRemoteChange`. */
  readonly pushesChanges?: boolean;
}

export interface StorePlace {
  /** Opens the store on this place. The suite closes what it opened, always before `dispose`. */
  open(): Promise<Store>;
  /** Clears away all that was written. */
  dispose(): Promise<void>;
}
