// Redis Cluster: which primary serves which slot, learnt by asking and from MOVED, over plain connections.
//
// Not ioredis' Cluster, which sends a script again when a reply is lost, keeps calls in a queue without a time limit (its
// issue 1604), loses nodes that restarted (587), and hides the connection that WAIT needs. docs/adr says more.

import { createRedis } from './connect.ts';
import { isPassing, NotSentError, redirectionOf, replyCode } from './errors.ts';
import { CALL_MS_MAX, READY_MS_MAX, REDIRECTIONS_MAX, TRY_AGAIN_MS } from './limits.ts';
import { createLink } from './link.ts';
import { addressText, parseAddress, type RedisLocation } from './location.ts';
import { createPrimary, type Primary } from './primary.ts';
import { finishing, type Router } from './router.ts';
import { createSlotMap } from './slot-map.ts';

/** Resolves once the map of slots was read; rejects with NotSentError when no node could be asked. */
export async function openCluster(location: RedisLocation, replicas: number): Promise<Router> {
  const primaries = new Map<string, Primary>();
  const primaryAt = (address: string): Primary => {
    const known = primaries.get(address);
    if (known !== undefined) return known;
    const node = parseAddress(address, 0);
    const primary = createPrimary({
      connect: () => createLink(createRedis(location, node)),
      replicas,
    });
    primaries.set(address, primary);
    return primary;
  };
  const slots = createSlotMap({
    location,
    linkAt: (address) => primaries.get(address)?.link,
    onChange(serving) {
      for (const address of serving) primaryAt(address);
      for (const [address, primary] of primaries) {
        if (serving.has(address)) continue;
        primaries.delete(address);
        // Its calls under way may still be answered.
        setTimeout(() => primary.close(), CALL_MS_MAX);
      }
    },
  });

  const route = async <T>(slot: number, send: (primary: Primary, asking: boolean) => Promise<T>): Promise<T> => {
    const untilMs = performance.now() + READY_MS_MAX;
    let asked: string | undefined;
    for (let redirections = 0; ;) {
      const address = asked ?? slots.addressOf(slot);
      if (address === undefined) throw new NotSentError(`no node of the cluster serves slot ${slot}`);
      try {
        return await send(primaryAt(address), asked !== undefined);
      } catch (error) {
        const redirection = redirectionOf(error);
        if (redirection !== undefined && redirections < REDIRECTIONS_MAX) {
          redirections += 1;
          const to = absolute(redirection.to, address);
          asked = redirection.kind === 'ASK' ? to : undefined;
          if (redirection.kind === 'MOVED') slots.moved(slot, to);
          continue;
        }
        // Whatever else went wrong may be a failover; a reply of the script itself is not.
        if (redirection === undefined && replyCode(error) === undefined) slots.refreshSoon();
        if (!isPassing(error) || performance.now() > untilMs) throw error;
        asked = undefined;
        slots.refreshSoon();
        await pause(TRY_AGAIN_MS);
      }
    }
  };

  try {
    await slots.refresh();
    await Promise.allSettled([...primaries.values()].map((primary) => primary.link.ready()));
  } catch (error) {
    slots.close();
    throw error;
  }
  return finishing(
    {
      operate: (operation) => route(operation.shard.slot, (primary, asking) => primary.operate(operation, asking)),
      run: (slot, call) => route(slot, (primary, asking) => primary.run(call, asking)),
      look: (slot, call) => route(slot, (primary, asking) => primary.link.run(call, asking)),
      send: (slot, name, args) =>
        route(slot, async ({ link }, asking) => {
          await link.ready();
          if (asking) link.send('asking', []).catch(() => undefined);
          return link.send(name, args);
        }),
      primaries: () => primaries,
      primaryOf: (slot) => primaries.get(slots.addressOf(slot) ?? ''),
    },
    () => {
      slots.close();
      for (const primary of primaries.values()) primary.close();
    },
  );
}

/** A redirection may leave out the host: then it is that of the node that was asked. */
function absolute(to: string, asked: string): string {
  return to.startsWith(':') ? addressText({ ...parseAddress(asked, 0), port: Number(to.slice(1)) }) : to;
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
