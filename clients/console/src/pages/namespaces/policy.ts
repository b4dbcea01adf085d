// The values of a policy as people write them: 30s, HOLD, true, 100. Fields come from the API's own description, so that
// a new one needs no change here.

import { create, isFieldSet, isMessage, ScalarType, type DescField } from '@bufbuild/protobuf';
import { durationFromMs, DurationSchema, durationMs } from '@bufbuild/protobuf/wkt';
import { NamespacePolicySchema, type NamespacePolicy } from '../../../../../proto/gen/onced/v1/admin_pb.js';
import { readDuration, writeDuration } from '../../format/durations.ts';

export interface PolicyField {
  /** As in the API and on the command line, such as on_lease_expiry. */
  readonly name: string;
  readonly kind: 'duration' | 'count' | 'choice';
  /** Of a choice. */
  readonly choices: readonly string[];
  readonly desc: DescField;
}

/** What is written for each field; the empty text, or none, inherits. */
export type PolicyTexts = Readonly<Record<string, string>>;

export const POLICY_FIELDS: readonly PolicyField[] = NamespacePolicySchema.fields.map((desc) => ({
  name: desc.name,
  kind: desc.fieldKind === 'message' ? 'duration' : isChoice(desc) ? 'choice' : 'count',
  choices: choicesOf(desc),
  desc,
}));

export function textsOf(policy: NamespacePolicy | undefined): PolicyTexts {
  if (policy === undefined) return {};
  const set = POLICY_FIELDS.filter(({ desc }) => isFieldSet(policy, desc));
  return Object.fromEntries(set.map((field) => [field.name, textOf(policy, field)]));
}

function textOf(policy: NamespacePolicy, { desc }: PolicyField): string {
  const value: unknown = policy[desc.localName as keyof NamespacePolicy];
  if (isMessage(value, DurationSchema)) return writeDuration(durationMs(value));
  if (desc.fieldKind === 'enum') return shortName(desc, Number(value));
  return String(value);
}

/** Why a text cannot be a value of the field; undefined when it can. */
export function whyUnreadable({ kind }: PolicyField, text: string): string | undefined {
  if (text.trim() === '' || kind === 'choice') return undefined;
  if (kind === 'duration') return readDuration(text) === undefined ? 'write it as 30s, 10m, 2h or 7d' : undefined;
  return /^\d{1,15}$/.test(text.trim()) ? undefined : 'write a whole number';
}

/** All texts must be readable. */
export function policyOf(texts: PolicyTexts): NamespacePolicy {
  const values: Record<string, unknown> = {};
  for (const { name, desc } of POLICY_FIELDS) {
    const text = (texts[name] ?? '').trim();
    if (text !== '') values[desc.localName] = valueOf(desc, text);
  }
  return create(NamespacePolicySchema, values);
}

function valueOf(desc: DescField, text: string): unknown {
  if (desc.fieldKind === 'message') return durationFromMs(readDuration(text) ?? 0);
  if (desc.fieldKind === 'enum') return desc.enum.values.find(({ number }) => shortName(desc, number) === text)?.number;
  if (text === 'true' || text === 'false') return text === 'true';
  return desc.name === 'records_max' ? BigInt(text) : Number(text);
}

function isChoice(desc: DescField): boolean {
  return desc.fieldKind === 'enum' || (desc.fieldKind === 'scalar' && desc.scalar === ScalarType.BOOL);
}

function choicesOf(desc: DescField): readonly string[] {
  if (desc.fieldKind === 'enum') {
    return desc.enum.values.filter(({ number }) => number !== 0).map(({ number }) => shortName(desc, number));
  }
  return isChoice(desc) ? ['true', 'false'] : [];
}

/** HOLD of ON_LEASE_EXPIRY_HOLD. */
function shortName(desc: DescField & { readonly fieldKind: 'enum' }, number: number): string {
  const name = desc.enum.values.find((value) => value.number === number)?.name ?? String(number);
  return name.replace(new RegExp(`^${desc.name.toUpperCase()}_`), '');
}
