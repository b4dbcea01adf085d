// What the disk takes for one durable write: 4 KiB written in place at the end of a file, then fdatasync.

import { fdatasyncSync, openSync, closeSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'hdr-histogram-js';
import { temporaryFolder } from './children.ts';

export interface DiskProbe {
  readonly writes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export async function probeDisk(writes = 2000): Promise<DiskProbe> {
  const folder = await temporaryFolder('disk');
  const file = openSync(join(folder.path, 'probe'), 'w');
  const block = Buffer.alloc(4096, 1);
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  });
  try {
    for (let count = 0; count < writes; count += 1) {
      const startMs = performance.now();
      writeSync(file, block);
      fdatasyncSync(file);
      histogram.recordValue(Math.max(1, Math.round((performance.now() - startMs) * 1000)));
    }
  } finally {
    closeSync(file);
    await folder.remove();
  }
  return {
    writes,
    p50Ms: histogram.getValueAtPercentile(50) / 1000,
    p99Ms: histogram.getValueAtPercentile(99) / 1000,
    maxMs: histogram.maxValue / 1000,
  };
}
