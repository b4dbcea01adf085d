// The map of slots to primaries of a Redis Cluster: read at the start, every few seconds, and soon after trouble.

import { StoreRefusedError } from '../contract/index.ts';
import { createRedis } from './connect.ts';
import { NotSentError, replyCode } from './errors.ts';
import { SLOTS } from './keys.ts';
import { SLOTS_REFRESH_MS, SLOTS_REFRESH_MS_MIN } from './limits.ts';
import { createLink, type Link } from './link.ts';
import { addressText, parseAddress, type RedisLocation } from './location.ts';

export interface SlotMap {
  /** host:port of the primary, as far as is known. */
  addressOf(slot: number): string | undefined;
  /** A node said so itself. */
  moved(slot: number, address: string): void;
  /** Reads the map from any node that answers; rejects with NotSentError when none does. */
  refresh(): Promise<void>;
  refreshSoon(): void;
  close(): void;
}

export interface SlotMapOptions {
  readonly location: RedisLocation;
  /** An open connection to that node, if there is one. */
  readonly linkAt: (address: string) => Link | undefined;
  /** After each reading: all primaries that serve a slot. */
  readonly onChange: (serving: ReadonlySet<string>) => void;
}

export function createSlotMap({ location, linkAt, onChange }: SlotMapOptions): SlotMap {
  const seeds = location.addresses.map(addressText);
  let addresses: (string | undefined)[] = [];
  let nodes: readonly string[] = seeds;
  let refreshing: Promise<void> | undefined;
  let soon: NodeJS.Timeout | undefined;
  let isClosed = false;

  const apply = (ranges: readonly SlotRange[]): void => {
    if (isClosed) return;
    addresses = Array.from<string | undefined>({ length: SLOTS });
    for (const { first, last, primary } of ranges) addresses.fill(primary, first, last + 1);
    nodes = [...new Set([...ranges.flatMap((range) => range.nodes), ...seeds])];
    onChange(new Set(ranges.map((range) => range.primary)));
  };

  const readAnywhere = async (): Promise<void> => {
    // Those that can be asked at once come first; the others take the time of a connection.
    const candidates = nodes.toSorted(
      (a, b) => Number(linkAt(b)?.isReady ?? false) - Number(linkAt(a)?.isReady ?? false),
    );
    const failures: string[] = [];
    for (const address of candidates) {
      try {
        apply(await readAt(address));
        return;
      } catch (error) {
        if (replyCode(error) === 'ERR') throw noCluster(address, error);
        failures.push(`${address}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    throw new NotSentError(`no node of the cluster answers (${failures.join('; ')})`);
  };

  const readAt = async (address: string): Promise<readonly SlotRange[]> => {
    const open = linkAt(address);
    if (open !== undefined) return askSlots(open, address);
    const link = createLink(createRedis(location, parseAddress(address, 0)));
    try {
      return await askSlots(link, address);
    } finally {
      link.close();
    }
  };

  const refresh = (): Promise<void> => {
    refreshing ??= readAnywhere().finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  };
  const refreshQuietly = (): void => void refresh().catch(() => undefined);
  const regularly = setInterval(refreshQuietly, SLOTS_REFRESH_MS);
  regularly.unref();

  return {
    addressOf: (slot) => addresses[slot],
    moved(slot, address) {
      addresses[slot] = address;
      this.refreshSoon();
    },
    refresh,
    refreshSoon() {
      soon ??= setTimeout(() => {
        soon = undefined;
        refreshQuietly();
      }, SLOTS_REFRESH_MS_MIN).unref();
    },
    close() {
      isClosed = true;
      clearInterval(regularly);
      clearTimeout(soon);
    },
  };
}

/** Any other node is asked elsewhere, but one that does not know the command is no node of a cluster. */
function noCluster(address: string, cause: unknown): StoreRefusedError {
  const why = `cluster mode: found a Redis without it at ${address}; needed nodes of a Redis Cluster. `;
  return new StoreRefusedError(`${why}write the URL as redis://host:port, or set cluster-enabled yes`, { cause });
}

interface SlotRange {
  readonly first: number;
  readonly last: number;
  readonly primary: string;
  /** The primary and its replicas. */
  readonly nodes: readonly string[];
}

type NodeReply = readonly [host: Buffer | null, port: number];
type RangeReply = readonly [first: number, last: number, primary: NodeReply, ...replicas: NodeReply[]];

async function askSlots(link: Link, asked: string): Promise<readonly SlotRange[]> {
  await link.ready();
  const reply = (await link.send('cluster', ['slots'])) as readonly RangeReply[];
  const own = parseAddress(asked, 0).host;
  return reply.map(([first, last, primary, ...replicas]) => {
    // A node that does not know its own name leaves it out.
    const textOf = ([host, port]: NodeReply): string => addressText({ host: host?.toString() || own, port });
    return { first, last, primary: textOf(primary), nodes: [primary, ...replicas].map(textOf) };
  });
}
