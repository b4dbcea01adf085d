// Who works: does a side effect once it is told to, crashes, repeats, is late; and who reconciles what they left.

import { create, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import {
  BeginIntentRequestSchema,
  CheckpointRequestSchema,
  ClaimOrphansRequestSchema,
  CompleteRequestSchema,
  FailKind,
  FailRequestSchema,
  RenewRequestSchema,
  type Acquired,
  type BeginIntentResponse,
  type CheckpointResponse,
  type ClaimOrphansResponse,
  type CompleteResponse,
  type RenewResponse,
} from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { adminOperations, idempotencyOperations } from '../../../server/operations.ts';
import type { Random } from '../random.ts';
import { broken, done, granted, newGrant, nothingHappened, type Grant, type KeyStory } from './judge.ts';
import type { Answered, Place, Server, Turns } from './place.ts';

export interface Stage {
  readonly random: Random;
  readonly turns: Turns;
  readonly place: Place;
  readonly namespace: string;
  readonly stories: readonly KeyStory[];
  readonly isHold: boolean;
  readonly hasFingerprints: boolean;
  readonly leaseMs: number;
  /** A server that has its store back for so many steps has noticed. */
  readonly noticeSteps: number;
  /** Holders take their time: most of their keys are orphans at some time. */
  readonly isSlow: boolean;
  /** Keys of which a conflict is listed. */
  readonly conflicts: () => Promise<readonly string[]>;
  /** Names of operators whose decision was acknowledged. */
  readonly resolved: string[];
  readonly trace: (() => string)[];
  isHealed: boolean;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const TRIES_MAX = 25;

const operations = { ...idempotencyOperations, ...adminOperations };
type Rpc = keyof typeof operations;

export async function ask(
  stage: Stage,
  server: Server,
  rpc: Rpc,
  request: Parameters<Server['ask']>[2],
): Promise<Answered> {
  const { random } = stage;
  const label = `${server.name}.${rpc}`;
  note(stage, `> ${label}`, request);
  const answer = await server.ask(rpc, operations[rpc], request);
  note(stage, `< ${label}`, request, answer);
  return !stage.isHealed && random.chance(0.05) ? undefined : answer;
}

/** Into what is told of a history that broke a promise. */
export function note(
  { turns, trace }: Pick<Stage, 'turns' | 'trace'>,
  what: string,
  ...values: readonly unknown[]
): void {
  const at = `${turns.steps} ${Date.now() % 1e6}`;
  trace.push(() => [at, what, ...values.map(briefly)].join(' '));
}

const briefly = (value: unknown): string =>
  JSON.stringify(value, (name, inner: unknown) => {
    if (name.startsWith('$') || name === 'namespace' || name.endsWith('Time')) return undefined;
    if (typeof inner === 'bigint') return String(inner);
    if (inner === '' || (Array.isArray(inner) && inner.length === 0)) return undefined;
    return inner;
  }) ?? 'lost';

export const fingerprintsOf = (
  { hasFingerprints }: Stage,
  digest: string,
): MessageInitShape<typeof BeginIntentRequestSchema> =>
  hasFingerprints ? { fingerprints: [{ scheme: 'raw-sha256-v1', digest: bytes(digest) }] } : {};

export async function work(stage: Stage, story: KeyStory): Promise<void> {
  const { random, place } = stage;
  const attemptId = random.hex(8);
  const journaled = new Map(story.journaled);
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const server = random.pick(place.servers);
    const outcome = await begin(stage, story, { server, attemptId, journaled });
    if (outcome === 'again') {
      await stage.turns.pause();
      if (random.chance(0.9)) continue;
      return;
    }
    if (outcome?.case !== 'acquired') return;
    const { value: lease } = outcome;
    const grant = noteGrant(stage, story, server, attemptId, lease);
    // One of which an answer was lost may have two leases, and the other one may count.
    grant.isSure = tries === 0;
    await hold(stage, story, grant, lease.leaseToken);
    return;
  }
}

interface Beginning {
  readonly server: Server;
  readonly attemptId: string;
  /** What the story's was when the attempt was made: what is acknowledged later may find it begun already. */
  readonly journaled: KeyStory['journaled'];
}

/** Undefined: refused for good. */
async function begin(
  stage: Stage,
  story: KeyStory,
  { server, attemptId, journaled }: Beginning,
): Promise<BeginIntentResponse['outcome'] | 'again' | undefined> {
  const { random, namespace, leaseMs } = stage;
  story.asked.add(attemptId);
  const inOutage = `${server.name} ${server.outages}`;
  const toldBefore = journaled.get(inOutage);
  const request = create(BeginIntentRequestSchema, {
    namespace,
    key: story.key,
    attemptId,
    lease: durationFromMs(leaseMs),
    wait: durationFromMs(!stage.isHealed && random.chance(0.3) ? random.pick([20, 200]) : 0),
    ...fingerprintsOf(stage, 'this request'),
  });
  const answer = await ask(stage, server, 'beginIntent', request);
  if (answer === undefined) return 'again';
  if ('refused' in answer) return isAgain(answer.refused) ? 'again' : undefined;
  const { outcome } = answer.ok as BeginIntentResponse;
  if (outcome.case === 'acquired') {
    const { degraded } = outcome.value;
    if (degraded && stage.turns.steps - server.lastDownStep > stage.noticeSteps) {
      broken(story, `degraded at ${server.name}, whose store is there`);
    }
    const isListed = (await stage.conflicts()).includes(story.key);
    if (toldBefore !== undefined && inOutage === `${server.name} ${server.outages}` && !isListed) {
      broken(story, `${server.name} lets ${attemptId} run, and had itself acknowledged ${toldBefore}`);
    }
  }
  return outcome;
}

export const isAgain = (reason: string): boolean =>
  reason === 'STORE_UNAVAILABLE' || reason === 'OVERLOADED' || reason === 'CANCELLED';

const leaseEndOf = ({ leaseExpireTime }: Pick<Acquired, 'leaseExpireTime'>): number =>
  leaseExpireTime === undefined ? 0 : timestampMs(leaseExpireTime);

function noteGrant(stage: Stage, story: KeyStory, { name }: Server, attemptId: string, lease: Acquired): Grant {
  return granted(story, {
    attemptId,
    server: name,
    isDegraded: lease.degraded,
    fencingToken: lease.fencingToken,
    leaseEndMs: leaseEndOf(lease),
    nowMs: Date.now(),
    isTakeOverAllowed: !stage.isHold,
    isTakenOver: lease.takenOver,
  });
}

/** The side effect is done as soon as it may be; then whatever holders do. */
async function hold(
  stage: Stage,
  story: KeyStory,
  grant: Grant,
  leaseToken: Uint8Array,
  isReconciler = false,
): Promise<void> {
  const { random, namespace, place, turns, leaseMs } = stage;
  const holder = { namespace, key: story.key, leaseToken };
  const lease = durationFromMs(leaseMs);
  for (let steps = random.between(0, stage.isSlow ? 12 : 3); steps > 0; steps -= 1) {
    await turns.pause();
    if (random.chance(0.1)) return;
    const server = random.pick(place.servers);
    const sentStep = turns.steps;
    const answer = random.chance(0.5)
      ? await ask(stage, server, 'renew', create(RenewRequestSchema, { ...holder, lease }))
      : await ask(
          stage,
          server,
          'checkpoint',
          create(CheckpointRequestSchema, { ...holder, lease, data: bytes('half') }),
        );
    if (answer === undefined) continue;
    if ('refused' in answer) await refusedForGood(stage, story, grant, answer.refused);
    else {
      const extended = answer.ok as RenewResponse & Partial<CheckpointResponse>;
      const { journaled = false } = extended;
      done(story, grant, { sentStep, heardStep: turns.steps }, { journaled });
      // The lease of one from elsewhere stands as it was.
      if (journaled) continue;
      grant.leaseEndMs = Math.max(grant.leaseEndMs, leaseEndOf(extended));
    }
  }
  const { rpc, request, end, outcome } = endOf(stage, story, grant, holder);
  // It says itself that it did nothing, whether or not that is heard.
  if (end === 'released') grant.end = 'released';
  // Others may go on from there, before it hears that it is done.
  if (end !== 'outcome') grant.isEnding = true;
  let isUnwritten = true;
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const server = random.pick(place.servers);
    const sentStep = turns.steps;
    const answer = await ask(stage, server, rpc, request);
    isUnwritten &&= answer !== undefined && 'refused' in answer && answer.isNone;
    // It has asked the provider.
    if (end === 'released' && isReconciler && !isUnwritten) nothingHappened(story);
    if (answer !== undefined && 'ok' in answer) {
      const { journaled, alreadyApplied } = answer.ok as CompleteResponse;
      if (!alreadyApplied) done(story, grant, { sentStep, heardStep: turns.steps }, { journaled });
      grant.end = end;
      if (outcome !== undefined) {
        story.outcomes.add(outcome);
        if (journaled) story.journaled.set(`${server.name} ${server.outages}`, outcome);
      }
      if (random.chance(0.8)) return;
    } else if (answer !== undefined && (await refusedForGood(stage, story, grant, answer.refused))) {
      if (end !== 'released') story.wasToldLost = true;
      return;
    }
    grant.isEnding = true;
    if (isUnwritten && random.chance(0.15)) {
      if (outcome !== undefined) story.unwritten.add(outcome);
      return;
    }
    await turns.pause();
  }
}

/** Who was alone with the key is never told that it lost it, nor who holds a live lease. */
async function refusedForGood(stage: Stage, story: KeyStory, grant: Grant, reason: string): Promise<boolean> {
  if (isAgain(reason)) return false;
  if (story.asked.size === 1) broken(story, `${grant.attemptId} was alone, and is told ${reason}`);
  const isLive =
    grant.isSure && !grant.isDegraded && !grant.isEnding && !story.isForced && grant.leaseEndMs > Date.now();
  if (isLive && !(await stage.conflicts()).includes(story.key)) {
    broken(story, `${grant.attemptId} has a live lease, and is told ${reason}`);
  }
  return true;
}

interface End {
  readonly rpc: Rpc;
  readonly request: Parameters<Server['ask']>[2];
  readonly end: Grant['end'];
  readonly outcome: string | undefined;
}

function endOf(
  { random }: Stage,
  story: KeyStory,
  { attemptId }: Grant,
  holder: { readonly namespace: string; readonly key: string; readonly leaseToken: Uint8Array },
): End {
  const error = { code: attemptId, message: 'no' };
  const fail = (kind: FailKind): MessageShape<typeof FailRequestSchema> =>
    create(FailRequestSchema, { ...holder, error, kind });
  if (random.chance(0.15))
    return { rpc: 'fail', request: fail(FailKind.RETRYABLE), end: 'released', outcome: undefined };
  if (random.chance(0.1)) return { rpc: 'fail', request: fail(FailKind.UNKNOWN), end: 'unknown', outcome: undefined };
  if (random.chance(0.1)) {
    return { rpc: 'fail', request: fail(FailKind.FINAL), end: 'outcome', outcome: `failed ${attemptId}` };
  }
  const request = create(CompleteRequestSchema, { ...holder, result: bytes(`${story.key} ${attemptId}`) });
  return { rpc: 'complete', request, end: 'outcome', outcome: `completed ${story.key} ${attemptId}` };
}

/** Claims what nobody knows of, and ends it. */
export async function reconcile(stage: Stage): Promise<void> {
  const { random, place, namespace, stories, leaseMs } = stage;
  const server = random.pick(place.servers);
  const request = create(ClaimOrphansRequestSchema, { namespace, limit: 5, lease: durationFromMs(leaseMs) });
  const name = `reconciler-${random.hex(4)}`;
  // Whether or not it hears of it, any of them may be its own now.
  for (const { asked } of stories) asked.add(name);
  const answer = await ask(stage, server, 'claimOrphans', request);
  if (answer === undefined || !('ok' in answer)) return;
  await Promise.all(
    (answer.ok as ClaimOrphansResponse).orphans.map(async ({ record, acquired }) => {
      const story = stories.find(({ key }) => key === record?.summary?.key);
      if (story === undefined || acquired === undefined) return;
      // It asks the provider what happened before it does anything: no second side effect.
      const grant = newGrant({
        attemptId: name,
        server: server.name,
        isDegraded: false,
        fencingToken: acquired.fencingToken,
        leaseEndMs: leaseEndOf(acquired),
      });
      await hold(stage, story, grant, acquired.leaseToken, true);
    }),
  );
}
