// What holds over real gRPC whichever store is behind it. A store's own test is three lines.

import { afterAll, beforeAll, describe } from 'vitest';
import type { StorePlace, StoreSubject } from '../../conformance/subject.ts';
import { openManaged, type OpenManaged } from '../managed.ts';
import { adminFeatures } from './admin.ts';
import { archiveFeatures } from './archive.ts';
import { conflictFeatures } from './conflicts.ts';
import { issuedKeyFeatures } from './issued-keys.ts';
import { orphanFeatures } from './orphans.ts';
import { outageFeatures } from './outage.ts';
import { policyFeatures } from './policies.ts';
import { quotaFeatures } from './quotas.ts';
import { retentionFeatures } from './retention.ts';
import { watchFeatures } from './watch.ts';

/** Each test opens its own servers and stores on one place; what counts all records has a place of its own. */
export function describeFeatures(subject: StoreSubject): void {
  describe(`over ${subject.name}`, () => {
    let place: StorePlace;
    beforeAll(async () => {
      place = await subject.makePlace();
    });
    afterAll(async () => place.dispose());
    const open: OpenManaged = async (options) => openManaged({ subject, place, ...options });
    const openAlone: OpenManaged = async (options) => openManaged({ subject, ...options });

    describe('orphans', () => orphanFeatures(open));
    describe('retention', () => retentionFeatures(openAlone));
    describe('operators', () => adminFeatures(openAlone));
    describe('archive', () => archiveFeatures(openAlone));
    describe('policies', () => policyFeatures(open));
    describe('watching', () => watchFeatures(open));
    describe('issued keys', () => issuedKeyFeatures(open));
    describe('outages', () => outageFeatures(open));
    describe('conflicts', () => conflictFeatures(open));
    describe('quotas', () => quotaFeatures(open));
  });
}
