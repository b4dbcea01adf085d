// What must be true of the place before a store opens there, as sentences. `onced doctor` shows the same list.

import { accessSync, constants, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { StoreRefusedError, type StoreCheck } from '../contract/index.ts';
import { START_BYTES_FREE } from './limits.ts';
import { bytesFree, sizeOf } from './space.ts';

/** Throws the first check that does not hold as a sentence that says what was found and what to do. */
export function demand(path: string, check: StoreCheck): void {
  if (!check.ok) throw new StoreRefusedError(`${path}: ${check.found}; needed: ${check.needed}. ${check.fix}`);
}

export function checkFolder(path: string): StoreCheck {
  const folder = dirname(path);
  const isWritable = canWrite(folder);
  return {
    name: 'folder',
    ok: isWritable,
    found: `the folder ${folder} ${isWritable ? 'is' : 'is not'} writable for this user`,
    needed: 'a folder that this user may write to',
    fix: `Give this user the folder (chown, chmod u+rwx), or choose another file with --store sqlite:PATH.`,
  };
}

function canWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

// Numbers of statfs(2) on Linux. Locks and shared memory do not work across machines there, or not reliably.
const NETWORK_FILESYSTEMS = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9p'],
  [0x65735546, 'FUSE'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x5346414f, 'AFS'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
]);

export function checkFilesystem(path: string, allowNetworkFilesystem: boolean): StoreCheck {
  return judgeFilesystem({ type: statfsSync(dirname(path)).type, platform: process.platform, allowNetworkFilesystem });
}

export function judgeFilesystem(place: {
  readonly type: number;
  readonly platform: string;
  readonly allowNetworkFilesystem: boolean;
}): StoreCheck {
  // Some types are negative where the C library reads them as signed.
  const network = place.platform === 'linux' ? NETWORK_FILESYSTEMS.get(place.type >>> 0) : undefined;
  return {
    name: 'filesystem',
    ok: network === undefined || place.allowNetworkFilesystem,
    found: network === undefined ? 'a local filesystem' : `a network or user-space filesystem (${network})`,
    needed: 'a local disk: SQLite damages a file that is locked over a network',
    fix: 'Put the file on a local disk, or use --store postgres://… for many machines.',
  };
}

/** Refuses to begin a store without space; one that is there opens all the same, so that its outcomes can be read. */
export function checkFreeSpace(path: string, bytesMin = START_BYTES_FREE): StoreCheck {
  const free = bytesFree(path);
  return {
    name: 'free space',
    ok: free >= bytesMin || sizeOf(path) > 0,
    found: `${mebibytes(free)} free beside the file`,
    needed: mebibytes(bytesMin),
    fix: 'Free some space, or choose another disk with --store sqlite:PATH.',
  };
}

const mebibytes = (bytes: number): string => `${Math.floor(bytes / 1024 / 1024)} MiB`;

export const judgeLock = (isFree: boolean): StoreCheck => ({
  name: 'one server',
  ok: isFree,
  found: isFree ? 'no other server has the file open' : 'another Onced server has this file open',
  needed: 'one server for each file',
  fix: 'Stop that server, or give this one a file of its own with --store sqlite:PATH; for many servers use --store postgres://….',
});
