// What a figure depends on besides the code: machine, versions, disk, commit.

import { execFileSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { arch, cpus, getPriority, release, tmpdir, totalmem } from 'node:os';
import betterSqlite3 from 'better-sqlite3/package.json' with { type: 'json' };
import grpc from '@grpc/grpc-js/package.json' with { type: 'json' };
import ioredis from 'ioredis/package.json' with { type: 'json' };
import pg from 'pg/package.json' with { type: 'json' };

export interface Environment {
  readonly commit: string;
  /** Files differ from the commit. */
  readonly isDirty: boolean;
  readonly date: string;
  readonly machine: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly fileSystem: string;
  readonly node: string;
  /** Nice value of the benchmark and of all that it starts; 0 unless it was run with another. */
  readonly priority: number;
  readonly packages: Readonly<Record<string, string>>;
}

const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs (memory: durable figures mean nothing here)',
};

export function readEnvironment(): Environment {
  const { type } = statfsSync(tmpdir());
  return {
    commit: git('rev-parse', '--short=10', 'HEAD'),
    isDirty: git('status', '--porcelain', '--untracked-files=no') !== '',
    date: new Date().toISOString(),
    machine: `${cpus()[0]?.model.trim() ?? 'unknown'} (${arch()})`,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    fileSystem: FILE_SYSTEMS[type] ?? `type 0x${type.toString(16)}`,
    node: process.version,
    priority: getPriority(),
    packages: {
      '@grpc/grpc-js': grpc.version,
      'better-sqlite3': betterSqlite3.version,
      ioredis: ioredis.version,
      pg: pg.version,
    },
  };
}

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'unknown';
  }
}
