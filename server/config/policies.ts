// The rules of namespaces in the YAML file: `policy` for all, `namespaces` for one and what is below it. The fields are
// those of NamespacePolicy in the proto, so that file, API and console call them alike.

import { create, isFieldSet, ScalarType, type DescField } from '@bufbuild/protobuf';
import { durationFromMs, durationMs, type Duration } from '@bufbuild/protobuf/wkt';
import { NamespacePolicySchema, type NamespacePolicy } from '../../proto/gen/onced/v1/admin_pb.js';
import { DEFAULT_NAMESPACE_POLICY, POLICY_BOUNDS } from '../policy-defaults.ts';
import { checkSense, inherit, lineOf } from '../policy-rules.ts';
import { readNamespace, Violations } from '../validate.ts';
import type { ConfigEntry } from './entry.ts';
import type { FileValue } from './file.ts';
import { duration, oneOf, showDuration, ValueError, wholeNumber, yesOrNo } from './values.ts';

export interface ConfiguredPolicies {
  readonly server: NamespacePolicy;
  readonly namespaces: Readonly<Record<string, NamespacePolicy>>;
}

/** One value of a policy as it stands in the file. */
export interface PolicyValue {
  /** Undefined for all. */
  readonly namespace: string | undefined;
  readonly field: DescField;
  readonly written: FileValue;
}

const FIELDS: ReadonlyMap<string, DescField> = new Map(
  NamespacePolicySchema.fields.map((field) => [field.name, field]),
);

export const POLICY_FIELDS: readonly string[] = [...FIELDS.keys()];

/** `policy.lease` or `namespaces.payments/charge.lease`; undefined for what is neither. */
export function asPolicyValue(written: FileValue): PolicyValue | undefined {
  const [group, ...rest] = written.path;
  const [namespace, name] = group === 'policy' ? [undefined, rest[0]] : rest;
  const field = FIELDS.get(name ?? '');
  const isWhole = group === 'policy' ? rest.length === 1 : group === 'namespaces' && rest.length === 2;
  return isWhole && field !== undefined ? { namespace, field, written } : undefined;
}

/** Collects what is wrong in `problems`. */
export function readPolicies(values: readonly PolicyValue[], problems: string[]): ConfiguredPolicies {
  // Without a prototype: its names come from a file.
  const namespaces = Object.create(null) as Record<string, NamespacePolicy>;
  const policies: ConfiguredPolicies = { server: create(NamespacePolicySchema), namespaces };
  for (const { namespace, field, written } of values) {
    const policy = namespace === undefined ? policies.server : policyFor(policies, namespace, written, problems);
    try {
      Object.assign(policy, { [field.localName]: parseField(field, written.raw) });
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      problems.push(`${written.where}: ${written.path.join('.')} ${error.message}`);
    }
  }
  problems.push(...contradictions(policies));
  return policies;
}

function policyFor(
  { namespaces }: ConfiguredPolicies,
  namespace: string,
  { where }: FileValue,
  problems: string[],
): NamespacePolicy {
  const standing = namespaces[namespace];
  if (standing !== undefined) return standing;
  const trouble = troubleIn((violations) => readNamespace(namespace, violations));
  problems.push(...trouble.map((description) => `${where}: namespaces.${namespace}: ${description}`));
  return ((namespaces as Record<string, NamespacePolicy>)[namespace] = create(NamespacePolicySchema));
}

function contradictions({ server, namespaces }: ConfiguredPolicies): string[] {
  const serverLayer = { source: 'server', policy: server };
  const layersOf = (namespace: string) =>
    lineOf(namespace).flatMap((source) => {
      const policy = namespaces[source];
      return policy === undefined ? [] : [{ source, policy }];
    });
  const lines = [
    { name: 'policy', layers: [serverLayer] },
    ...Object.keys(namespaces).map((name) => ({
      name: `namespaces.${name}`,
      layers: [...layersOf(name), serverLayer],
    })),
  ];
  return lines.flatMap(({ name, layers }) =>
    troubleIn((violations) => checkSense(inherit(layers), violations)).map((trouble) => `${name}: ${trouble}`),
  );
}

/** What a check of the API finds, as lines. */
function troubleIn(check: (violations: Violations) => void): readonly string[] {
  const violations = new Violations();
  check(violations);
  return violations.list().map(({ field, description }) => `${field} ${description}`);
}

function parseField(field: DescField, raw: unknown): unknown {
  const { min, max } = POLICY_BOUNDS[field.localName] ?? { min: 0, max: Number.MAX_SAFE_INTEGER };
  if (field.fieldKind === 'message') return durationFromMs(duration({ minMs: min, maxMs: max })(raw));
  if (field.fieldKind === 'enum') {
    const values = field.enum.values.filter(({ number }) => number !== 0);
    const name = oneOf(...values.map(({ localName }) => localName))(raw);
    return values.find(({ localName }) => localName === name)?.number;
  }
  if (field.scalar === ScalarType.BOOL) return yesOrNo(raw);
  const value = wholeNumber({ min, max })(raw);
  return field.scalar === ScalarType.UINT64 ? BigInt(value) : value;
}

/** What holds for all, whether the file sets it or not; then what it sets for single namespaces. */
export function policyEntries(
  values: readonly PolicyValue[],
  { server, namespaces }: ConfiguredPolicies,
): ConfigEntry[] {
  const whereOf = (namespace: string | undefined, field: DescField): string | undefined =>
    values.find((value) => value.namespace === namespace && value.field === field)?.written.where;
  const forAll = NamespacePolicySchema.fields.map((field): ConfigEntry => {
    const where = whereOf(undefined, field);
    const policy = where === undefined ? DEFAULT_NAMESPACE_POLICY : server;
    const source = where === undefined ? 'default' : 'file';
    return { name: `policy.${field.name}`, value: showField(field, policy), source, where: where ?? '' };
  });
  const forOne = values.flatMap(({ namespace, field, written }): ConfigEntry[] => {
    const policy = namespaces[namespace ?? ''];
    if (policy === undefined) return [];
    return [{ name: written.path.join('.'), value: showField(field, policy), source: 'file', where: written.where }];
  });
  return [...forAll, ...forOne];
}

function showField(field: DescField, policy: NamespacePolicy): string {
  if (!isFieldSet(policy, field)) return 'none';
  const value: unknown = policy[field.localName as keyof NamespacePolicy];
  if (field.fieldKind === 'message') return showDuration(durationMs(value as Duration));
  if (field.fieldKind === 'enum') return field.enum.value[value as number]?.localName ?? String(value);
  return String(value);
}
