// Who does no work of the key: strangers with another request, and onlookers.

import { create } from '@bufbuild/protobuf';
import {
  BeginIntentRequestSchema,
  LookupRequestSchema,
  WatchIntentRequestSchema,
  type BeginIntentResponse,
  type LookupResponse,
  type WatchIntentResponse,
} from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { IntentState, type IntentRecord } from '../../../proto/gen/onced/v1/record_pb.js';
import { idempotencyStreams } from '../../../server/operations.ts';
import { BrokenPromise, broken, shown, type KeyStory } from './judge.ts';
import type { Server } from './place.ts';
import { ask, fingerprintsOf, type Stage } from './workers.ts';

/** Another request under the same key: it may be told to wait, or that the key is taken, never how the other one ended. */
export async function strange(stage: Stage, story: KeyStory): Promise<string | undefined> {
  const { random, place, namespace } = stage;
  const request = create(BeginIntentRequestSchema, {
    namespace,
    key: story.key,
    attemptId: random.hex(8),
    ...fingerprintsOf(stage, 'another request'),
  });
  const answer = await ask(stage, random.pick(place.servers), 'beginIntent', request);
  if (answer === undefined) {
    // It may have been let in.
    story.isReused = true;
    return undefined;
  }
  if ('refused' in answer) return answer.refused;
  const { outcome } = answer.ok as BeginIntentResponse;
  const isShown = outcome.case === 'completed' || outcome.case === 'failed';
  if (isShown && !story.isReused) broken(story, 'shown to another request');
  if (outcome.case === 'acquired') {
    story.isReused = true;
    story.asked.add(request.attemptId);
  }
  return outcome.case;
}

export async function lookUp(stage: Stage, story: KeyStory): Promise<string | undefined> {
  const request = create(LookupRequestSchema, { namespace: stage.namespace, key: story.key, includeResult: true });
  const answer = await ask(stage, stage.random.pick(stage.place.servers), 'lookup', request);
  if (answer === undefined || !('ok' in answer)) return undefined;
  const outcome = outcomeOf((answer.ok as LookupResponse).record);
  if (outcome !== undefined) shown(story, outcome);
  return outcome;
}

const watchIntent = idempotencyStreams.watchIntent as Parameters<Server['stream']>[1];

/** Follows the key to its outcome. */
export async function follow(stage: Stage, story: KeyStory, signal: AbortSignal): Promise<void> {
  const request = create(WatchIntentRequestSchema, { namespace: stage.namespace, key: story.key });
  try {
    const server = stage.random.pick(stage.place.servers);
    for await (const seen of server.stream('WatchIntent', watchIntent, request, signal)) {
      const outcome = outcomeOf((seen as WatchIntentResponse).record);
      if (outcome !== undefined) shown(story, outcome);
    }
  } catch (error) {
    if (error instanceof BrokenPromise) throw error;
  }
}

export function outcomeOf(record: IntentRecord | undefined): string | undefined {
  const state = record?.summary?.state;
  if (state === IntentState.COMPLETED) return `completed ${Buffer.from(record?.result ?? []).toString()}`;
  return state === IntentState.FAILED ? `failed ${record?.error?.code ?? ''}` : undefined;
}
