// Records of a namespace that wants them archived, and what onced archive prints of its folder.

import { runOnced } from '../support/onced.ts';
import type { Managed } from './managed.ts';
import { bytes, ms } from './scene.ts';

export const HOUR_MS = 3_600_000;
export const POLICY = { archive: true, ttl: ms(HOUR_MS), lateRetryGrace: ms(0) };

export async function complete(scene: Managed, key: string): Promise<void> {
  const lease = await scene.acquire({ key, labels: { trace: 't-1' } });
  await scene.client.complete({ ...scene.holder(lease, key), result: bytes(`receipt ${key}`) });
}

export interface Line {
  readonly summary: { readonly namespace: string; readonly key: string; readonly state: string };
  readonly labels: Record<string, string>;
  readonly result: string;
}

export async function readArchive(...args: string[]): Promise<{ code: number | null; lines: Line[]; stderr: string }> {
  const { code, stdout, stderr } = await runOnced(['archive', ...args]);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return { code, stderr, lines: lines.map((line) => JSON.parse(line) as Line) };
}
