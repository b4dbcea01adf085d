// Page sizes and page tokens of the admin calls. A token is opaque and belongs to the question that it was made for.

import { hash } from 'node:crypto';
import { invalidFields } from '../errors.ts';

const PAGE_SIZE = 100;
const PAGE_SIZE_MAX = 1000;

export interface Page {
  readonly size: number;
  /** Where the page before ended; empty for the first. */
  readonly after: string;
}

/** Reads a request's page fields. `question` is all that the pages have in common: the call and its filter. */
export function readPage(question: string, fields: { readonly pageSize: number; readonly pageToken: string }): Page {
  if (fields.pageSize > PAGE_SIZE_MAX) {
    throw invalidFields([
      { field: 'page_size', description: `must be 1 to ${PAGE_SIZE_MAX}, found ${fields.pageSize}` },
    ]);
  }
  return { size: fields.pageSize === 0 ? PAGE_SIZE : fields.pageSize, after: readToken(question, fields.pageToken) };
}

export function pageToken(question: string, after: string): string {
  return after === '' ? '' : Buffer.from(`${digestOf(question, after)}${after}`, 'utf8').toString('base64url');
}

/** One page of a list that is already in memory, in order, and starts behind `page.after`. */
export function pageOf<Item>(
  question: string,
  page: Page,
  rest: readonly Item[],
  nameOf: (item: Item) => string,
): { items: readonly Item[]; nextPageToken: string } {
  const items = rest.slice(0, page.size);
  const last = items.at(-1);
  const hasMore = rest.length > items.length && last !== undefined;
  return { items, nextPageToken: hasMore ? pageToken(question, nameOf(last)) : '' };
}

function readToken(question: string, token: string): string {
  if (token === '') return '';
  const text = Buffer.from(token, 'base64url').toString('utf8');
  const after = text.slice(DIGEST_LENGTH);
  if (text.slice(0, DIGEST_LENGTH) !== digestOf(question, after)) {
    throw invalidFields([{ field: 'page_token', description: 'is not one that this call with this filter has given' }]);
  }
  return after;
}

/** Cut off, so that nobody can go on from it; a question with a secret in it makes tokens that nobody else can make. */
const DIGEST_LENGTH = 32;
const digestOf = (question: string, after: string): string =>
  hash('sha256', JSON.stringify([question, after]), 'hex').slice(0, DIGEST_LENGTH);
