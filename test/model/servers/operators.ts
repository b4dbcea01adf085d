// Operators: they look at a key that nobody seems to work on, ask the provider, and decide; or purge what was left.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  GetRecordRequestSchema,
  PurgeRecordsRequestSchema,
  ResolveIntentRequestSchema,
  type GetRecordResponse,
} from '../../../proto/gen/onced/v1/admin_pb.js';
import { IntentState } from '../../../proto/gen/onced/v1/record_pb.js';
import { adminStreams } from '../../../server/operations.ts';
import { broken, nothingHappened, type KeyStory } from './judge.ts';
import type { Server } from './place.ts';
import { ask, type Stage } from './workers.ts';

export async function decide(stage: Stage, story: KeyStory): Promise<void> {
  const { random, place, namespace, turns } = stage;
  const id = { namespace, key: story.key };
  const seen = await ask(stage, random.pick(place.servers), 'getRecord', create(GetRecordRequestSchema, id));
  if (seen === undefined || !('ok' in seen)) return;
  const seenStep = turns.steps;
  // Some think for longer than a lease.
  for (let pauses = random.pick([0, 3, 30]); pauses > 0; pauses -= 1) await turns.pause();
  const name = `operator-${random.hex(4)}`;
  const { resolution, outcome } = decisionOf(stage, story, name);
  const isExact = random.chance(0.7);
  const revision = isExact ? ((seen.ok as GetRecordResponse).record?.revision ?? 0n) : 0n;
  const force = random.chance(0.05);
  const request = create(ResolveIntentRequestSchema, { ...id, reason: name, revision, force, resolution });
  // Whether or not it hears of it, this may stand in the place of everybody's.
  story.asked.add(name);
  story.isForced ||= force;
  const held = story.grants.filter(({ isDegraded }) => !isDegraded);
  const sentStep = turns.steps;
  const answer = await ask(stage, random.pick(place.servers), 'resolveIntent', request);
  const isUnwritten = answer !== undefined && 'refused' in answer && answer.isNone;
  if (outcome === undefined && !isUnwritten) nothingHappened(story);
  if (outcome !== undefined && isUnwritten) story.unwritten.add(outcome);
  if (answer === undefined || 'refused' in answer) return;
  stage.resolved.push(name);
  const missed = story.writes.find((write) => write.sentStep > seenStep && write.heardStep < sentStep);
  if (isExact && missed !== undefined) broken(story, `${name} decides on what has changed since it looked`);
  for (const grant of held) grant.overruledStep = Math.min(grant.overruledStep, turns.steps);
  if (outcome !== undefined) story.outcomes.add(outcome);
}

type Resolution = MessageInitShape<typeof ResolveIntentRequestSchema>['resolution'];

function decisionOf(
  { random }: Stage,
  { key }: KeyStory,
  name: string,
): { readonly resolution: NonNullable<Resolution>; readonly outcome: string | undefined } {
  if (random.chance(0.4)) return { resolution: { case: 'released', value: {} }, outcome: undefined };
  if (random.chance(0.4)) {
    const error = { code: name, message: 'no' };
    return { resolution: { case: 'failed', value: { error } }, outcome: `failed ${name}` };
  }
  const result = new TextEncoder().encode(`${key} ${name}`);
  return { resolution: { case: 'completed', value: { result } }, outcome: `completed ${key} ${name}` };
}

const purgeRecords = adminStreams.purgeRecords as Parameters<Server['stream']>[1];

/** Of orphans only: no outcome and no live lease may go. */
export async function purge(stage: Stage, story: KeyStory): Promise<void> {
  const { random, place, namespace } = stage;
  const reason = `purge-${random.hex(4)}`;
  const states = [IntentState.IN_PROGRESS, IntentState.ORPHANED];
  const request = create(PurgeRecordsRequestSchema, { filter: { namespace, key: story.key, states }, reason });
  story.asked.add(reason);
  nothingHappened(story);
  // What a journal keeps of it is written anew, and only the record that went knew its request.
  story.isReused = true;
  try {
    for await (const _ of random.pick(place.servers).stream('PurgeRecords', purgeRecords, request));
  } catch {
    // What it has not purged stays.
  }
  nothingHappened(story);
}
