// How a namespace becomes a label: a bounded number of them as themselves, the rest as `other`. Whoever may call could
// otherwise make up namespaces until the scrape no longer fits in memory.

/** With these the widest histogram has 1,700 series and all figures together stay under 5,000 (RELIABILITY.md 6.2). */
const NAMESPACE_LABELS_MAX = 100;

export const OTHER = 'other';

export interface NamespaceLabels {
  of(namespace: string): string;
  setRule(rule: (namespace: string) => string): void;
}

/** Until a rule is set, the first well-formed names that come are taken. */
export function createNamespaceLabels(): NamespaceLabels {
  const admitted = new Set<string>();
  let rule = (namespace: string): string => (/^[a-z0-9][a-z0-9._/-]{0,127}$/.test(namespace) ? namespace : OTHER);

  return {
    of(namespace) {
      // The rule is asked each time, since registered namespaces come and go.
      const label = rule(namespace);
      if (admitted.has(label)) return label;
      if (admitted.size >= NAMESPACE_LABELS_MAX) return OTHER;
      admitted.add(label);
      return label;
    },
    setRule(next) {
      rule = next;
    },
  };
}
