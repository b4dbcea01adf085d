// A transfer between two accounts, once: the accounts and Onced's records are in one Postgres, so the money moves and the
// outcome is recorded in one transaction. There is no moment in which one of them has happened and the other has not.

import { DatabaseError, type Pool, type PoolClient } from 'pg';
import type { Acquired, OncedClient } from '../../node/index.ts';

export const NAMESPACE = 'transfers';
const LEASE_MS = 5_000;
const WAIT_MS = 10_000;

export interface Transfer {
  /** The caller's name for this one transfer, kept over all its retries. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly cents: number;
}

export interface Receipt {
  readonly id: string;
  readonly balanceCents: number;
}

/** The receipt, from this call or from an earlier one. Rejects when nobody can say yet: call again. */
export async function transferOnce(
  onced: Pick<OncedClient, 'begin'>,
  pool: Pool,
  transfer: Transfer,
): Promise<Receipt> {
  const begun = await onced.begin({ namespace: NAMESPACE, key: transfer.id, leaseMs: LEASE_MS, waitMs: WAIT_MS });
  if (begun.kind === 'acquired') return move(pool, transfer, begun);
  if (begun.kind === 'completed') return JSON.parse(Buffer.from(begun.result).toString()) as Receipt;
  throw new Error(`transfer ${transfer.id} is ${begun.kind}`);
}

async function move(pool: Pool, transfer: Transfer, { leaseToken }: Acquired): Promise<Receipt> {
  return inTransaction(pool, async (database) => {
    const receipt = await moveMoney(database, transfer);
    // Raises if this attempt was superseded or settled already, and so takes back what was moved above.
    await database.query('select onced.complete($1, $2, $3, $4, $5)', [
      NAMESPACE,
      transfer.id,
      Buffer.from(leaseToken),
      Buffer.from(JSON.stringify(receipt)),
      'application/json',
    ]);
    return receipt;
  });
}

export async function moveMoney(database: PoolClient, { id, from, to, cents }: Transfer): Promise<Receipt> {
  await database.query('insert into transfers (id, from_account, to_account, cents) values ($1, $2, $3, $4)', [
    id,
    from,
    to,
    cents,
  ]);
  await database.query('update accounts set cents = cents - $2 where name = $1', [from, cents]);
  const { rows } = await database.query<{ cents: string }>(
    'update accounts set cents = cents + $2 where name = $1 returning cents',
    [to, cents],
  );
  return { id, balanceCents: Number(rows[0]?.cents) };
}

export async function inTransaction<T>(pool: Pool, work: (database: PoolClient) => Promise<T>): Promise<T> {
  const database = await pool.connect();
  let broken = true;
  try {
    await database.query('begin');
    const result = await work(database);
    await database.query('commit');
    broken = false;
    return result;
  } catch (error) {
    // A refusal leaves the connection in order once it is rolled back; anything else may have broken it.
    if (error instanceof DatabaseError) broken = !(await isRolledBack(database));
    throw error;
  } finally {
    database.release(broken);
  }
}

async function isRolledBack(database: PoolClient): Promise<boolean> {
  return database.query('rollback').then(
    () => true,
    () => false,
  );
}
