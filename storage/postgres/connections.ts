// A pool of connections for one purpose, and the one way to call Postgres: a statement, a timer of our own, and a
// connection that is destroyed when there is any doubt about it.

import { DatabaseError, Pool, type PoolClient, type QueryArrayResult } from 'pg';
import { storeError, verdictOf } from './errors.ts';
import { limits } from './limits.ts';
import type { Row } from './rows.ts';
import type { Statement } from './sql.ts';
import { within } from './within.ts';

export interface Connections {
  /**
   * Runs one statement in a transaction of its own; rows come as text. Rejects with StoreError `unavailable` when it was
   * never sent, else with the driver's error or, for lack of an answer in time, an Error without a code: see verdictOf.
   */
  call(statement: Statement, values?: readonly unknown[]): Promise<readonly Row[]>;
  close(): Promise<void>;
}

export interface ConnectionsOptions {
  readonly url: string;
  readonly connectionsMax: number;
  readonly callMs: number;
}

// Everything stays text: rows.ts knows what it is. The driver's own parsers would make strings of bigint all the same.
const asText = { getTypeParser: () => (value: string) => value };

const IS_PRIMARY = { text: `select not pg_is_in_recovery() and current_setting('transaction_read_only') = 'off'` };

export function openConnections({ url, connectionsMax, callMs }: ConnectionsOptions): Connections {
  const pool = new Pool({
    connectionString: url,
    application_name: 'onced',
    max: connectionsMax,
    connectionTimeoutMillis: limits.connectMs,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  // Without a listener each a restart of Postgres would end this process; what was lost shows in the calls.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const known = new WeakSet<PoolClient>();
  const query = createQuery();

  const checkedOut = async (): Promise<PoolClient> => {
    const client = await pool.connect();
    if (known.has(client)) return client;
    try {
      // A failover moves the address to another machine, so each new connection is asked, not the first alone.
      const [row] = await within(callMs, query(client, IS_PRIMARY, []));
      if (row?.[0] !== 't') throw new Error('this Postgres is a standby or read-only');
    } catch (error) {
      client.release(true);
      throw error;
    }
    known.add(client);
    return client;
  };

  return {
    async call(statement, values = []) {
      const client = await checkedOut().catch((error: unknown) => {
        throw storeError('unavailable', error);
      });
      try {
        const rows = await within(callMs, withoutWarning(client, query(client, statement, values)));
        client.release();
        return rows;
      } catch (error) {
        // In doubt the connection is closed, and no cancel is sent: a cancelled commit that waits for its standby is
        // reported as a success, with the row on this machine only.
        client.release(verdictOf(error) === 'unknown');
        throw error;
      }
    },
    async close() {
      await within(limits.connectMs, pool.end()).catch(() => undefined);
    },
  };
}

type Query = (client: PoolClient, statement: Statement, values: readonly unknown[]) => Promise<readonly Row[]>;

// Of a pooler in transaction mode that gives each transaction another connection: no such statement, or there already.
// Both are told before anything ran.
const LOST_STATEMENT = new Set(['26000', '42P05']);

/** Prepares what has a name, which saves Postgres a sixth of a small batch, for as long as that works. */
function createQuery(): Query {
  let mayPrepare = true;
  const send: Query = (client, statement, values) => {
    const config = { ...statement, values: [...values], rowMode: 'array' as const, types: asText };
    // By callback: what the driver's own promise answers outlives the young generation, all of it. Measured over results of
    // 40 KB, collecting 20 MB of them took 12 ms and kept 12 MB, and 0.1 ms and nothing this way.
    return new Promise((resolve, reject) => {
      client.query(config, (error: Error | undefined, result: QueryArrayResult<(string | null)[]>) => {
        if (error) reject(error);
        else resolve(result.rows);
      });
    });
  };
  return async (client, { text, name }, values) => {
    if (!mayPrepare || name === undefined) return send(client, { text }, values);
    try {
      return await send(client, { text, name }, values);
    } catch (error) {
      if (!(error instanceof DatabaseError && LOST_STATEMENT.has(error.code ?? ''))) throw error;
      mayPrepare = false;
      return send(client, { text }, values);
    }
  };
}

const SUCCESSFUL_COMPLETION = '00000';

/**
 * Rejects if Postgres warned. Our statements cause no warning but one: an operator ended a commit's wait for its standby,
 * and Postgres reports success for a write that may be lost with this machine.
 */
async function withoutWarning<T>(client: PoolClient, promise: Promise<T>): Promise<T> {
  let warning: string | undefined;
  const listen = ({ code, message }: { code?: string | undefined; message?: string | undefined }): void => {
    if (code !== SUCCESSFUL_COMPLETION) warning = message ?? 'no text';
  };
  client.on('notice', listen);
  try {
    const result = await promise;
    if (warning !== undefined) throw new Error(`Postgres warned: ${warning}`);
    return result;
  } finally {
    client.off('notice', listen);
  }
}
