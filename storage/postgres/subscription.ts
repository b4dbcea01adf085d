// A connection that listens to the other servers, made anew whenever it is lost.

import { Client } from 'pg';
import { limits } from './limits.ts';
import { within } from './within.ts';

export interface Subscription {
  /** Resolves once it listens, or could not in time; then it is tried on. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** Hands over each message of every server, this one's own included. */
export function subscribe(url: string, hear: (text: string) => void): Subscription {
  let client: Client | undefined;
  let again: NodeJS.Timeout | undefined;
  let isClosed = false;

  const connect = async (): Promise<void> => {
    const opened = new Client({
      connectionString: url,
      application_name: 'onced-listener',
      connectionTimeoutMillis: limits.connectMs,
      keepAlive: true,
    });
    client = opened;
    opened.on('error', () => undefined);
    opened.on('notification', ({ payload }) => hear(payload ?? '[]'));
    const beat = setInterval(() => {
      within(limits.connectMs, opened.query('select 1')).catch(() => destroy(opened));
    }, limits.listenerBeatMs).unref();
    opened.once('end', () => {
      clearInterval(beat);
      if (!isClosed) again = setTimeout(() => void connect(), reconnectMs()).unref();
    });
    await within(
      limits.connectMs,
      opened.connect().then(() => opened.query('listen onced_changes')),
    ).catch(() => destroy(opened));
  };

  return {
    ready: connect(),
    async close(): Promise<void> {
      isClosed = true;
      clearTimeout(again);
      if (client !== undefined) await within(limits.connectMs, client.end()).catch(() => undefined);
    },
  };
}

/** A goodbye to a dead peer would wait for its answer. */
function destroy(client: Client): void {
  client.connection.stream.destroy();
}

/** Jittered, so that many servers do not come back at once after a restart of Postgres. */
const reconnectMs = (): number => limits.listenerReconnectMsMax * (0.1 + 0.9 * Math.random());
