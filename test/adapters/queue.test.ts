// Handlers of messages, behind a queue that delivers at least once: what is not acknowledged comes again, and some of what is
// acknowledged too, in each shape that the adapters know.

import { describe, expect, test } from 'vitest';
import { FinalError, KeyReusedError, type OncedClient } from '../../clients/node/index.ts';
import {
  amqpHandler,
  bullProcessor,
  kafkaHandler,
  RefusedError,
  sqsHandler,
  type KafkaMessage,
} from '../../clients/node/queue.ts';
import { freshNamespace, setOnced } from './scene.ts';

interface Options {
  readonly namespace: string;
  readonly onRefused?: (message: unknown, error: RefusedError) => void;
  readonly run?: { readonly leaseMs?: number; readonly onThrow?: () => 'unknown' };
}

/** How a delivery ended, for the queue. */
type Delivered = 'acknowledged' | 'redeliver' | 'dead';

type Deliver = (id: string | undefined, body: string) => Promise<Delivered>;
type Work = (body: string, context: { readonly takenOver: boolean; readonly attempt: number }) => unknown;
type Shape = (client: OncedClient, options: Options, work: Work) => Deliver;

const settled = async (handling: Promise<unknown>): Promise<Delivered> =>
  handling.then(
    () => 'acknowledged',
    (error: unknown) => (error instanceof RefusedError ? 'dead' : 'redeliver'),
  );

const shapes: Record<string, Shape> = {
  KafkaJS(client, options, work) {
    const id = ({ message }: KafkaMessage): string | undefined => message.key?.toString();
    const handle = kafkaHandler(
      client,
      { ...options, id },
      ({ message }, context) => void work(message.value?.toString() ?? '', context),
    );
    return async (key, body) => {
      const message = { offset: '0', key: key === undefined ? null : Buffer.from(key), value: Buffer.from(body) };
      return settled(handle({ topic: 'orders', partition: 0, message }));
    };
  },
  BullMQ(client, options, work) {
    const handle = bullProcessor(client, options, ({ data }, context) => work(String(data), context));
    return async (id, data) => settled(handle({ id, data }));
  },
  SQS(client, options, work) {
    const handle = sqsHandler(client, options, ({ Body }, context) => void work(Body ?? '', context));
    return async (MessageId, Body) => settled(handle({ MessageId, Body }));
  },
  RabbitMQ(client, options, work) {
    let last: Delivered;
    const channel = {
      ack: () => void (last = 'acknowledged'),
      nack: (_: unknown, __?: boolean, requeue?: boolean) => void (last = requeue === false ? 'dead' : 'redeliver'),
    };
    const handle = amqpHandler(
      client,
      options,
      channel,
      ({ content }, context) => void work(content.toString(), context),
    );
    return async (messageId, body) => {
      await handle(null);
      await handle({ content: Buffer.from(body), properties: { messageId } });
      return last;
    };
  },
};

const onced = setOnced();

describe.each(Object.keys(shapes))('a handler for %s', (name) => {
  const open = (work: Work, options: Partial<Options> = {}): Deliver => {
    const shape = shapes[name];
    if (shape === undefined) throw new Error(name);
    return shape(onced.client, { namespace: freshNamespace(), ...options }, work);
  };

  test('a redelivery of finished work is acknowledged and does nothing', async () => {
    let effects = 0;
    const deliver = open(() => (effects += 1));
    expect([await deliver('m', 'a'), await deliver('m', 'a'), effects]).toEqual(['acknowledged', 'acknowledged', 1]);
  });

  test('a redelivery of unfinished work runs', async () => {
    const attempts: number[] = [];
    const deliver = open((_, { attempt }) => {
      if (attempts.push(attempt) === 1) throw new Error('the database was away');
    });
    const ends = [await deliver('m', 'a'), await deliver('m', 'a'), await deliver('m', 'a')];
    expect([ends, attempts]).toEqual([
      ['redeliver', 'acknowledged', 'acknowledged'],
      [1, 2],
    ]);
  });

  test('a message whose consumer died is handled by the next one, which is told', async () => {
    const namespace = freshNamespace();
    const id = { namespace, key: 'm' };
    await onced.client.begin({ ...id, leaseMs: 100 });
    const seen: boolean[] = [];
    const deliver = open((_, { takenOver }) => void seen.push(takenOver), { namespace });
    expect([await deliver('m', 'a'), seen]).toEqual(['acknowledged', [true]]);
  });

  test('a message that failed for good, an id of another message and a missing id are refused for good', async () => {
    let effects = 0;
    const deliver = open((body) => {
      effects += 1;
      if (body === 'bad') throw new FinalError('no such customer');
    });
    expect([await deliver('bad', 'bad'), await deliver('bad', 'bad'), effects]).toEqual(['dead', 'dead', 1]);
    await deliver('m', 'a');
    expect([await deliver('m', 'b'), await deliver(undefined, 'c'), await deliver(' ', 'd'), effects]).toEqual([
      'dead',
      'dead',
      'dead',
      2,
    ]);
  });

  test('work of which nobody knows is not repeated, where its owner says so', async () => {
    let effects = 0;
    const work = (): void => {
      effects += 1;
      throw new Error('no answer');
    };
    const deliver = open(work, { run: { onThrow: () => 'unknown' } });
    expect([await deliver('m', 'a'), await deliver('m', 'a'), effects]).toEqual(['redeliver', 'dead', 1]);
  });

  test('what a handler throws that uses Onced itself says nothing about its message', async () => {
    let effects = 0;
    const deliver = open(() => {
      if ((effects += 1) === 1)
        throw new KeyReusedError({ code: 'FAILED_PRECONDITION', reason: 'KEY_REUSED', message: 'of another call' });
    });
    expect([await deliver('m', 'a'), await deliver('m', 'a'), effects]).toEqual(['redeliver', 'acknowledged', 2]);
  });

  test('refused messages go where their owner wants them', async () => {
    const refused: string[] = [];
    const onRefused = (_: unknown, { cause }: RefusedError): void => void refused.push((cause as Error).name);
    const deliver = open(
      () => {
        throw new FinalError('no such customer');
      },
      { onRefused },
    );
    expect([await deliver('m', 'a'), refused]).toEqual(['acknowledged', ['IntentFailedError']]);
  });

  test('1,000 messages, each delivered up to six times by four consumers at once, are handled once', async () => {
    const effects = new Map<string, number>();
    const namespace = freshNamespace();
    const seed = Math.floor(Math.random() * 2 ** 31);
    const deliver = open((body) => void effects.set(body, (effects.get(body) ?? 0) + 1), { namespace });
    // Some come twice at the same time, some again once they are done.
    const consumer = async (number: number): Promise<void> => {
      for (let order = 0; order < 1_000; order++) {
        const times = (order * 7 + number + seed) % 3;
        for (let delivery = 0; delivery < times; delivery++) {
          while ((await deliver(`m-${order}`, `order-${order}`)) === 'redeliver');
        }
      }
    };
    await Promise.all([0, 1, 2, 3].map(consumer));
    expect(effects.size).toBe(1_000);
    expect([...effects.values()].filter((count) => count !== 1)).toEqual([]);
  });
});

test('what a BullMQ handler returned is the result of a redelivery too', async () => {
  const handle = bullProcessor(onced.client, { namespace: freshNamespace() }, () => ({ charge: 'ch_1' }));
  const job = { id: '1', data: { amount: 10 } };
  expect([await handle(job), await handle(job)]).toEqual([{ charge: 'ch_1' }, { charge: 'ch_1' }]);
});

test('a Kafka message is known by topic, partition and offset where its owner says nothing', async () => {
  const seen: string[] = [];
  const handle = kafkaHandler(onced.client, { namespace: freshNamespace() }, ({ topic, partition, message }) => {
    seen.push(`${topic} ${partition} ${message.offset}`);
  });
  const places = [
    { topic: 'orders', partition: 0, offset: '7' },
    { topic: 'orders', partition: 0, offset: '7' },
    { topic: 'orders', partition: 0, offset: '8' },
    { topic: 'orders', partition: 1, offset: '7' },
    { topic: 'refunds', partition: 0, offset: '7' },
  ];
  for (const { topic, partition, offset } of places) {
    await handle({ topic, partition, message: { offset, key: Buffer.from('same'), value: Buffer.from('same') } });
  }
  expect(seen).toEqual(['orders 0 7', 'orders 0 8', 'orders 1 7', 'refunds 0 7']);
});
