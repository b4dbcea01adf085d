// @onced/client/queue: handlers of messages that a queue may deliver more than once, for the shapes of KafkaJS, BullMQ, SQS
// and RabbitMQ (amqplib).
//
// A message is handled once: a redelivery of finished work is acknowledged and does nothing, one of unfinished work (its
// handler threw, its consumer died) runs. A handler that throws something unnamed has its message redelivered, as queues
// do anyway: say `onThrow: () => 'unknown'` where a repeat would do harm, and the message is refused until somebody has looked.

import type { OncedClient } from './client.ts';
import { KeyReusedError } from './errors.ts';
import { fingerprintBytes } from './fingerprint/fingerprint.ts';
import type { WorkContext } from './work/perform.ts';
import type { RunOptions } from './work/run-once.ts';
import { IntentFailedError, OrphanedError } from './work/work-errors.ts';

export interface QueueOptions<Message> {
  /** Of the keys. 1 to 128 of a-z 0-9 . _ - / */
  readonly namespace: string;
  /** What is the same in each delivery of a message and in no other message. Default: the queue's own id, see below. */
  readonly id?: (message: Message) => string | undefined;
  /**
   * Told of a message that will never be handled, instead of it being handed on to the queue's own dead letters: its handler
   * has failed for good, nobody knows whether it was handled, or its id stands for another message.
   */
  readonly onRefused?: (message: Message, error: RefusedError) => void | Promise<void>;
  /** Of the run, such as leaseMs or ttlMs: longer than the queue redelivers. */
  readonly run?: Omit<RunOptions, 'exclude' | 'fingerprints' | 'signal'>;
}

/** The message must not be handled, now or later. `cause` says why: IntentFailedError, OrphanedError, KeyReusedError. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

export type Handler<Message, Result = void> = (message: Message, context: WorkContext) => Result | Promise<Result>;

interface Shape<Message> {
  readonly id: (message: Message) => string | undefined;
  readonly body: (message: Message) => Uint8Array | string;
}

/** Milliseconds to wait for another consumer that has the message; then it is for the queue to deliver it again. */
const TIMEOUT_MS = 30_000;

/**
 * Resolves when the message can be acknowledged, with what its handler returned, now or before. Rejects with RefusedError
 * where it must not be delivered again, and with anything else where it must.
 */
async function handleOnce<Message, Result>(
  client: OncedClient,
  message: Message,
  handler: Handler<Message, Result>,
  { id, body, namespace, run }: Shape<Message> & QueueOptions<Message>,
): Promise<Result> {
  const key = id(message);
  // All that have none would share one record.
  if (key === undefined || key.trim() === '') throw new RefusedError('the message has no id');
  let thrown: unknown;
  const work = async (context: WorkContext): Promise<Result> => {
    try {
      return await handler(message, context);
    } catch (error) {
      thrown = error;
      throw error;
    }
  };
  try {
    const { value } = await client.runOnce(namespace, key, null, work, {
      timeoutMs: TIMEOUT_MS,
      onThrow: () => 'retryable',
      ...run,
      fingerprints: [fingerprintBytes(Buffer.from(body(message)))],
    });
    return value;
  } catch (error) {
    // A handler that uses Onced itself may throw the same: that says nothing about this message.
    if (error === thrown) throw error;
    const isForGood =
      error instanceof IntentFailedError || error instanceof OrphanedError || error instanceof KeyReusedError;
    throw isForGood ? new RefusedError(error.message, { cause: error }) : error;
  }
}

/** Resolves for a message that was handed to `onRefused`: the queue is done with it. */
async function handled<Message, Result>(
  client: OncedClient,
  message: Message,
  handler: Handler<Message, Result>,
  options: Shape<Message> & QueueOptions<Message>,
): Promise<Result | undefined> {
  try {
    return await handleOnce(client, message, handler, options);
  } catch (error) {
    if (!(error instanceof RefusedError) || options.onRefused === undefined) throw error;
    await options.onRefused(message, error);
    return undefined;
  }
}

/** What KafkaJS gives to eachMessage. */
export interface KafkaMessage {
  readonly topic: string;
  readonly partition: number;
  readonly message: { readonly offset: string; readonly key?: Buffer | null; readonly value: Buffer | null };
}

/**
 * For `consumer.run({ eachMessage })`. The id is topic, partition and offset: give `id` from a header or the value where
 * producers may send a message twice. A message that is refused stops its partition unless there is `onRefused`.
 */
export function kafkaHandler<Message extends KafkaMessage>(
  client: OncedClient,
  options: QueueOptions<Message>,
  handler: Handler<Message>,
): (message: Message) => Promise<void> {
  const shape: Shape<Message> = {
    id: ({ topic, partition, message }) => `${topic}/${partition}/${message.offset}`,
    body: ({ message }) => message.value ?? '',
  };
  return async (message) => handled(client, message, handler, { ...shape, ...options });
}

/** A job of BullMQ. */
export interface BullJob {
  readonly id?: string | undefined;
  readonly data: unknown;
}

/** For `new Worker(name, processor)`. The id is the job's; what the handler returns is the job's result, replayed too. */
export function bullProcessor<Job extends BullJob, Result>(
  client: OncedClient,
  options: QueueOptions<Job>,
  handler: Handler<Job, Result>,
): (job: Job) => Promise<Result | undefined> {
  const shape: Shape<Job> = { id: ({ id }) => id, body: ({ data }) => JSON.stringify(data ?? null) };
  return async (job) => handled(client, job, handler, { ...shape, ...options });
}

/** A message of SQS, as its SDK and sqs-consumer give it. */
export interface SqsMessage {
  readonly MessageId?: string | undefined;
  readonly Body?: string | undefined;
}

/** For what deletes a message when its handler resolves, such as sqs-consumer's handleMessage. The id is MessageId. */
export function sqsHandler<Message extends SqsMessage>(
  client: OncedClient,
  options: QueueOptions<Message>,
  handler: Handler<Message>,
): (message: Message) => Promise<void> {
  const shape: Shape<Message> = { id: ({ MessageId }) => MessageId, body: ({ Body = '' }) => Body };
  return async (message) => handled(client, message, handler, { ...shape, ...options });
}

/** A message of RabbitMQ, as amqplib gives it. */
export interface AmqpMessage {
  readonly content: Buffer;
  readonly properties: { readonly messageId?: unknown };
}

/** Of amqplib's channel. */
export interface AmqpChannel<Message> {
  ack(message: Message): void;
  nack(message: Message, allUpTo?: boolean, requeue?: boolean): void;
}

/**
 * For `channel.consume(queue, …)`. The id is `properties.messageId`, which the publisher must set. Acknowledges what is
 * finished, has redelivered what is not, and hands what is refused to the queue's dead letters.
 */
export function amqpHandler<Message extends AmqpMessage>(
  client: OncedClient,
  options: QueueOptions<Message>,
  channel: AmqpChannel<Message>,
  handler: Handler<Message>,
): (message: Message | null) => Promise<void> {
  const shape: Shape<Message> = {
    id: ({ properties }) => (typeof properties.messageId === 'string' ? properties.messageId : undefined),
    body: ({ content }) => content,
  };
  return async (message) => {
    // The queue was deleted.
    if (message === null) return;
    try {
      await handled(client, message, handler, { ...shape, ...options });
    } catch (error) {
      channel.nack(message, false, !(error instanceof RefusedError));
      return;
    }
    channel.ack(message);
  };
}
