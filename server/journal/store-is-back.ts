import { StoreError } from '../../storage/contract/index.ts';

/** The journal answers no more: what it had is in the store, or on its way there. The call is to be made anew. */
export class StoreIsBack extends StoreError {
  constructor() {
    super('unavailable', 'the store is back');
    this.name = 'StoreIsBack';
  }
}
