// What the suite asks of whoever brings a store: how to open one on an empty place, and what else that place can do.

import type { Store } from '../../storage/contract/index.ts';

export interface StoreSubject {
  readonly name: string;
  /** Opens a store on a place of its own: nothing that another `open` wrote is seen. */
  open(): Promise<OpenedStore>;
}

export interface OpenedStore {
  readonly store: Store;
  /** Closes `store`, then opens what it left behind. Undefined where nothing survives a close. */
  readonly reopen?: () => Promise<Store>;
  /** A second server on the same place, closed by `dispose`. Undefined where only one is allowed. */
  readonly openPeer?: () => Promise<Store>;
  /** True when a peer's changes reach `onRemoteChange`. */
  readonly pushesChanges?: boolean;
  /** Closes every store that came from here and clears away what they wrote. */
  dispose(): Promise<void>;
}
