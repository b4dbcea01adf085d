// @onced/web: keys of a page's intents, and a fetch that sends them. The operators' API is not in it.

export { KeyExpiredError, KeyNotKeptError, NoAnswerError } from './errors.ts';
export type { FetchOptions, Tried } from './fetch-until-final.ts';
export { createIntents, type Intent, type Intents, type IntentsOptions } from './intents.ts';
export { judgeResponse, type Meaning } from './judge-response.ts';
export type { KeptKey, KeyStore } from './key-store.ts';
export { randomKey } from './random-key.ts';
