// Someone who follows a key by WatchIntent, and what they have seen.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ServiceError } from '@grpc/grpc-js';
import { expect } from 'vitest';
import type { WatchIntentResponse } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { IntentState } from '../../proto/gen/onced/v1/record_pb.js';
import { watch, type Managed } from './managed.ts';

export interface Following {
  readonly seen: WatchIntentResponse[];
  readonly ended: Promise<ServiceError | undefined>;
  cancel(): void;
}

export function follow(client: { readonly raw: Client }, id: { namespace: string; key: string }): Following {
  const stream = watch(client, id);
  const seen: WatchIntentResponse[] = [];
  stream.on('data', (message: WatchIntentResponse) => seen.push(message));
  const ended = new Promise<ServiceError | undefined>((resolve) => {
    stream.on('error', (error: ServiceError) => resolve(error));
    stream.on('end', () => resolve(undefined));
  });
  return { seen, ended, cancel: () => stream.cancel() };
}

export const statesOf = ({ seen }: Following): (string | undefined)[] =>
  seen.map(({ record }) => IntentState[record?.summary?.state ?? 0]);

export async function until(condition: () => boolean, msMax = 5000): Promise<void> {
  const endMs = performance.now() + msMax;
  while (!condition() && performance.now() < endMs) await sleep(5);
  expect(condition()).toBe(true);
}

export const idOf = ({ namespace }: Managed): { namespace: string; key: string } => ({ namespace, key: 'order-1' });
