// A real Chromium, driven by playwright-core. What a page must never do is collected while it is open: errors on the
// console, exceptions, violations of the content security policy.

import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { describeWith } from './with-package.ts';

// A font of its own: without any, Chromium draws boxes.
const NEEDED = { program: 'chromium', packages: ['chromium', 'fonts-dejavu-core'] };
/** Conditions are waited for; a machine that other tests share can take long over the first page. */
const WAIT_MS_MAX = 30_000;

export function describeWithChromium(name: string, tests: () => void): void {
  describeWith(NEEDED, name, tests);
}

export async function launchChromium(switches: readonly string[] = []): Promise<Browser & AsyncDisposable> {
  // As root Chromium has no sandbox; the pages are ours and on loopback.
  const args = [...switches, ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args });
  return Object.assign(browser, { [Symbol.asyncDispose]: () => browser.close() });
}

export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  /** Everything that the page did wrong so far, in words. */
  readonly faults: readonly string[];
}

/** A page in a context of its own, as another person's browser would be. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(WAIT_MS_MAX);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => {
    // Violations of the policy come as errors too.
    if (message.type() === 'error') faults.push(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
  return { page, faults, [Symbol.asyncDispose]: () => context.close() };
}
