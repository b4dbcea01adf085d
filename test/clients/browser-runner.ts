// The runner of @onced/web in a real Chromium: a page of another origin, without HTTPS, over Connect.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { launchChromium } from '../support/chromium.ts';
import { bundle } from '../web/bundle.ts';
import type { PageQuestion } from './browser-page.ts';
import type { Scenario } from './carry-out.ts';
import { PAGE_ORIGIN } from './page-origin.ts';

const PAGE = fileURLToPath(new URL('browser-page.ts', import.meta.url));

const asked = JSON.parse(process.argv.at(-1) ?? '') as PageQuestion & { scenarios: string; control?: string };
const { scenarios } = JSON.parse(readFileSync(asked.scenarios, 'utf8')) as { scenarios: Scenario[] };
const code = await bundle(PAGE);
// The page pretends to be of elsewhere, from where Chromium allows no calls to this machine.
await using browser = await launchChromium(['--disable-features=LocalNetworkAccessChecks']);
const page = await browser.newPage();
await page.exposeFunction('setFaults', async (faults: unknown) => {
  await fetch(asked.control ?? '', { method: 'POST', body: JSON.stringify(faults) });
});
await page.route(`${PAGE_ORIGIN}/**`, async (route) =>
  route.request().url().endsWith('/page.js')
    ? route.fulfill({ contentType: 'text/javascript', body: code })
    : route.fulfill({ contentType: 'text/html', body: '<script type="module" src="/page.js"></script>' }),
);
await page.goto(PAGE_ORIGIN);
await page.waitForFunction(() => globalThis.carryOut !== undefined);
const carried = await page.evaluate(async ([question, all]) => globalThis.carryOut(question, all), [
  asked,
  scenarios,
] as const);
console.log(JSON.stringify(carried));
