// BeginIntent: ask the store, decide, write what was decided if the record still stands as it was seen, else decide
// again. The first question is already a claim, so that a fresh key costs one round trip.

import type { BeginIntentRequest, BeginIntentResponse } from '../../proto/gen/onced/v1/idempotency_pb.js';
import {
  decideBegin,
  StoreError,
  type BeginDecision,
  type Found,
  type StoredRecord,
} from '../../storage/contract/index.ts';
import { assertNotOver, remainingMs, type CallContext, type Engine } from '../context.ts';
import { Rejection, storeAway } from '../errors.ts';
import { limits } from '../limits.ts';
import { completedMessage, failedMessage, inProgressMessage, orphanedMessage, retryLaterMessage } from '../messages.ts';
import type { Place } from '../outage.ts';
import type { QuotaRefusal } from '../quotas.ts';
import { readNamespace, Violations } from '../validate.ts';
import { readBegin, type BeginAsk } from './begin-ask.ts';
import { goOn } from './go-on.ts';
import { checkIssued } from './issue-keys.ts';
import { optionsOf, writeBegin } from './begin-writes.ts';
import { comparable } from './lease-token.ts';
import { wakeWith } from '../waiters.ts';

export type BeginOutcome = BeginIntentResponse['outcome'];

export async function beginIntent(
  engine: Engine,
  request: BeginIntentRequest,
  call: CallContext,
): Promise<BeginIntentResponse> {
  const { ask, waitMs } = readBegin(engine, request);
  if (ask.policy.requireIssuedKey) await checkIssued(engine, ask, optionsOf(ask, call));
  engine.quotas.takeBegin(ask.namespace, ask.policy);
  const isCounted = ask.policy.inProgressMax !== undefined || ask.policy.recordsMax !== undefined;
  const refusal = isCounted ? await engine.quotas.refusal(ask.namespace, ask.policy) : undefined;
  const waitUntilMs =
    waitMs === 0 ? 0 : performance.now() + Math.min(waitMs, remainingMs(call) - limits.deadlineMarginMs);
  const turn: Turn = { engine, ask, call, waitUntilMs, refusal, wasWoken: false, found: undefined };
  try {
    if (engine.outage.isKeeping()) await engine.outage.bringOver(engine, ask);
    const outcome = await decideUntilAnswered(turn);
    if (turn.wasWoken) passWakeOn(turn, outcome);
    countRedelivery(turn, outcome);
    return responseOf(outcome);
  } catch (error) {
    if (turn.wasWoken) engine.waiters.wakeOne(ask);
    if (!(error instanceof StoreError)) throw error;
    const placeFor = async (failure: unknown): Promise<Place> => engine.outage.forBegin(engine, ask, failure);
    return goOn(placeFor, error, async (place) => beginAgain(turn, place));
  }
}

/** Neither asks the store nor waits among those who do: they may hold all places until they give up. */
export function refusalWhileAway({ outage, standingPolicyOf }: Engine, name: string): Rejection | undefined {
  if (!outage.isAway()) return undefined;
  const violations = new Violations();
  const namespace = readNamespace(name, violations);
  if (violations.list().length > 0 || standingPolicyOf(namespace).onStoreOutage !== 'REJECT') return undefined;
  return storeAway();
}

/** On the journal nothing else protects the attempt: callers of this server run one at a time, others beside them. */
async function beginAgain(before: Turn, { engine, isLocal }: Place): Promise<BeginIntentResponse> {
  if (!isLocal && engine.outage.isKeeping()) await engine.outage.bringOver(engine, before.ask);
  const turn = { ...before, engine, wasWoken: false, found: undefined };
  const outcome = await decideUntilAnswered(turn);
  if (turn.wasWoken) passWakeOn(turn, outcome);
  countRedelivery(turn, outcome);
  const response = responseOf(outcome);
  if (isLocal && response.outcome.case === 'acquired') response.outcome.value.degraded = true;
  return response;
}

const responseOf = (outcome: BeginOutcome): BeginIntentResponse => ({
  $typeName: 'onced.v1.BeginIntentResponse',
  outcome,
});

/** By this label a consumer says that its broker has delivered the message before. */
const REDELIVERED = 'redelivered';

function countRedelivery({ engine, ask }: Turn, outcome: BeginOutcome): void {
  const { case: name } = outcome;
  if (ask.labels[REDELIVERED] === 'true' && name !== undefined) engine.metrics.redelivery(ask.namespace, name);
}

interface Turn {
  readonly engine: Engine;
  readonly ask: BeginAsk;
  readonly call: CallContext;
  readonly waitUntilMs: number;
  /** A quota is used up: a key that stands is answered, a new attempt is refused. */
  readonly refusal: QuotaRefusal | undefined;
  /** This caller is the one that was woken to look: if it leaves without the lease, another must. */
  wasWoken: boolean;
  /** The latest that was seen of the record. */
  found: Found | undefined;
}

/** Where a new attempt would be refused a look comes before any claim. */
async function lookFirst(turn: Turn): Promise<BeginDecision> {
  const { record, nowMs } = await look(turn);
  return decide(turn, { record, nowMs });
}

function decide({ ask }: Turn, { record, nowMs }: Found): BeginDecision {
  const fingerprints = comparable(ask.fingerprints, record?.fingerprints ?? []);
  return decideBegin(fingerprints === ask.fingerprints ? ask : { ...ask, fingerprints }, record, nowMs);
}

const look = async ({ engine, ask, call }: Turn): Promise<Found> =>
  engine.store.read({ ...idOf(ask), includeResult: true }, optionsOf(ask, call));

function assertWithinQuota(refusal: QuotaRefusal | undefined, { expected }: { expected: 'absent' | number }): void {
  if (refusal !== undefined && (expected === 'absent' || !refusal.newKeysOnly)) throw refusal.rejection;
}

async function decideUntilAnswered(turn: Turn): Promise<BeginOutcome> {
  const { engine, ask, call } = turn;
  let decision: BeginDecision = { kind: 'claim', expected: 'absent', fingerprints: ask.fingerprints };
  if (turn.refusal !== undefined) decision = await lookFirst(turn);
  for (let decisions = 0; decisions < limits.decisionsMax; decisions += 1) {
    assertNotOver(call);
    let found: Found;
    switch (decision.kind) {
      case 'claim':
      case 'extend':
      case 'exhaust': {
        if (decision.kind === 'claim') assertWithinQuota(turn.refusal, decision);
        const written = await writeBegin(engine, ask, decision, call);
        if (written.kind === 'written') return written.outcome;
        found = written.found;
        break;
      }
      case 'in-progress': {
        const change = await waitForChange(turn, decision);
        if (change === 'nothing')
          return { case: 'inProgress', value: inProgressMessage(decision.record, decision.nowMs) };
        found = change;
        break;
      }
      case 'completed':
      case 'failed':
      case 'retry-later':
      case 'orphaned':
      case 'rejected':
        return answer(decision);
    }
    turn.found = found;
    decision = decide(turn, found);
  }
  throw new Rejection('OVERLOADED', 'the key changes hands faster than this call can follow; ask again', {
    retryAfterMs: limits.retryAfterMsHintMax,
  });
}

type InProgress = Extract<BeginDecision, { kind: 'in-progress' }>;
type Standing = Exclude<BeginDecision, { kind: 'claim' | 'extend' | 'exhaust' | 'in-progress' }>;

/** Waits for the outcome or a chance to acquire; what stands then, or nothing when the wait is over. */
async function waitForChange(turn: Turn, { record, nowMs }: InProgress): Promise<Found | 'nothing'> {
  const { engine, ask, call } = turn;
  const timeoutMs = turn.waitUntilMs - performance.now();
  if (timeoutMs <= 0) return 'nothing';
  const { waitersPerKeyMax, waitersMax } = ask.policy;
  // Whoever waits keeps nobody from the store.
  engine.admission.leave('begin');
  const wake = await engine.waiters
    .wait({
      namespace: ask.namespace,
      key: ask.key,
      timeoutMs,
      leaseRemainingMs: record.leaseExpireMs - nowMs,
      waitersPerKeyMax,
      waitersMax,
      signal: call.signal,
    })
    .finally(() => engine.admission.reenter('begin'));
  turn.wasWoken = wake.kind === 'look';
  if (wake.kind === 'timeout') return 'nothing';
  return wake.kind === 'outcome' ? wake : look(turn);
}

function answer(decision: Standing): BeginOutcome {
  switch (decision.kind) {
    case 'completed':
      return { case: 'completed', value: completedMessage(decision.record) };
    case 'failed':
      return { case: 'failed', value: failedMessage(decision.record) };
    case 'retry-later':
      return { case: 'retryLater', value: retryLaterMessage(decision.record, decision.nowMs) };
    case 'orphaned':
      return { case: 'orphaned', value: orphanedMessage(decision.record, decision.orphan) };
    case 'rejected':
      throw decision.reason === 'KEY_REUSED'
        ? new Rejection('KEY_REUSED', 'the key stands for another request; use a new key for a new operation')
        : new Rejection('ATTEMPT_ENDED', 'this attempt was released; begin again with a new attempt id');
  }
}

/** The woken caller leaves: those behind it see the same, unless somebody now holds the lease. */
function passWakeOn({ engine, ask, found }: Turn, outcome: BeginOutcome): void {
  const isHeldBySomebody = outcome.case === 'acquired' || outcome.case === 'inProgress';
  if (!isHeldBySomebody) engine.waiters.wakeAll(idOf(ask), wakeWith(found));
}

const idOf = ({ namespace, key }: BeginAsk): Pick<StoredRecord, 'namespace' | 'key'> => ({ namespace, key });
