// Links from labels to other systems, such as traces, by templates that each operator sets for this browser.

export interface LinkTemplate {
  /** Name of the label. */
  readonly label: string;
  /** An address with {value} in it. */
  readonly template: string;
}

const STORAGE_NAME = 'onced-label-links';
const TEMPLATES_MAX = 16;

export function readTemplates(): readonly LinkTemplate[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORAGE_NAME) ?? '[]');
    return Array.isArray(stored) ? stored.filter(isTemplate).slice(0, TEMPLATES_MAX) : [];
  } catch {
    // A browser that forbids storage, or somebody else's text in it.
    return [];
  }
}

export function writeTemplate({ label, template }: LinkTemplate): readonly LinkTemplate[] {
  const others = readTemplates().filter((other) => other.label !== label);
  const next = template === '' ? others : [...others, { label, template }];
  try {
    localStorage.setItem(STORAGE_NAME, JSON.stringify(next));
  } catch {
    // It holds until the page is left, then.
  }
  return next;
}

/** Why a template cannot be used; undefined when it can. */
export function whyBad(template: string): string | undefined {
  if (template === '') return undefined;
  if (!template.includes('{value}')) return 'write {value} where the label’s value goes';
  return linkOf(template, 'x') === undefined ? 'must begin with https:// or http://' : undefined;
}

/** Undefined for what is no web address: a label must not become a script. */
export function linkOf(template: string, value: string): string | undefined {
  try {
    const url = new URL(template.replaceAll('{value}', encodeURIComponent(value)));
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : undefined;
  } catch {
    return undefined;
  }
}

const isTemplate = (value: unknown): value is LinkTemplate =>
  typeof value === 'object' &&
  value !== null &&
  'label' in value &&
  typeof value.label === 'string' &&
  'template' in value &&
  typeof value.template === 'string';
