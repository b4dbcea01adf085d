// Inheritance and sense of policies: payments/charge takes what it leaves open from payments, then from the server's
// configuration, then from the defaults.

import { create, isFieldSet, isMessage, type DescField } from '@bufbuild/protobuf';
import { DurationSchema, durationMs } from '@bufbuild/protobuf/wkt';
import { NamespacePolicySchema, type NamespacePolicy } from '../proto/gen/onced/v1/admin_pb.js';
import { DEFAULT_NAMESPACE_POLICY, POLICY_BOUNDS } from './policy-defaults.ts';
import { isWellFormedDuration, type Violations } from './validate.ts';

export interface PolicyLayer {
  /** A namespace, "server" or "default". */
  readonly source: string;
  readonly policy: NamespacePolicy;
}

export interface EffectivePolicy {
  readonly policy: NamespacePolicy;
  /** By field name of the API (snake case). */
  readonly sources: ReadonlyMap<string, string>;
}

/** The namespace itself, then each one above it. */
export function lineOf(namespace: string): readonly string[] {
  const parts = namespace.split('/');
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
}

/** Each value from the first layer that sets it; the defaults come last. */
export function inherit(layers: readonly PolicyLayer[]): EffectivePolicy {
  const all = [...layers, { source: 'default', policy: DEFAULT_NAMESPACE_POLICY }];
  const values: Record<string, unknown> = {};
  const sources = new Map<string, string>();
  for (const field of NamespacePolicySchema.fields) {
    const layer = all.find((candidate) => isFieldSet(candidate.policy, field));
    if (layer === undefined) continue;
    values[field.localName] = layer.policy[field.localName as keyof NamespacePolicy];
    sources.set(field.name, layer.source);
  }
  return { policy: create(NamespacePolicySchema, values), sources };
}

/** Every value within its bound. */
export function checkBounds(policy: NamespacePolicy, violations: Violations): void {
  for (const field of NamespacePolicySchema.fields) {
    if (!isFieldSet(policy, field)) continue;
    const bound = POLICY_BOUNDS[field.localName];
    const value = numberOf(policy, field);
    if (field.fieldKind === 'enum') {
      if (!field.enum.values.some(({ number }) => number === value)) violations.add(field.name, 'is not a known value');
    } else if (Number.isNaN(value)) {
      violations.add(field.name, 'must have nanos from 0 to 999,999,999');
    } else if (bound !== undefined && value !== undefined && (value < bound.min || value > bound.max)) {
      const unit = field.fieldKind === 'message' ? ' ms' : '';
      violations.add(field.name, `must be from ${bound.min}${unit} to ${bound.max}${unit}, found ${value}${unit}`);
    }
  }
}

/** Values that contradict each other once inheritance has filled the gaps. */
export function checkSense({ policy }: EffectivePolicy, violations: Violations): void {
  const ms = (
    field: 'lease' | 'leaseMax' | 'holdMax' | 'ttl' | 'ttlMax' | 'orphanTtl' | 'clientRetryWindow',
  ): number => {
    const value = policy[field];
    return value === undefined ? 0 : durationMs(value);
  };
  if (ms('lease') > ms('leaseMax')) violations.add('lease', 'must not be longer than lease_max');
  if (ms('lease') > ms('holdMax')) violations.add('lease', 'must not be longer than hold_max');
  if (ms('ttl') > ms('ttlMax')) violations.add('ttl', 'must not be longer than ttl_max');
  for (const field of ['ttl', 'orphanTtl'] as const) {
    if (ms(field) >= ms('clientRetryWindow')) continue;
    const { name } = NamespacePolicySchema.field[field];
    violations.add(name, 'must not be shorter than client_retry_window: a retry after expiry would run again');
  }
}

/** Milliseconds of a duration; NaN for one that is none. */
function numberOf(policy: NamespacePolicy, field: DescField): number | undefined {
  const value: unknown = policy[field.localName as keyof NamespacePolicy];
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (!isMessage(value, DurationSchema)) return undefined;
  return isWellFormedDuration(value) ? durationMs(value) : NaN;
}
