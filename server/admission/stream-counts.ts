// Streams of the server: how many follow a key, in all and in one namespace, and how many purge or export.

import { limits } from '../limits.ts';
import type { LoadClass } from './load-class.ts';

export interface StreamCounts {
  /** Counts one; returns the way to end it. Throws what `refusal` makes when there are too many. */
  open(load: LoadClass, namespace: string, refusal: () => Error): () => void;
}

export function createStreamCounts(): StreamCounts {
  const followersIn = new Map<string, number>();
  let followers = 0;
  let bulk = 0;

  return {
    open(load, namespace, refusal) {
      if (load === 'admin') {
        if (bulk >= limits.bulkStreamsMax) throw refusal();
        bulk += 1;
        return () => void (bulk -= 1);
      }
      const here = followersIn.get(namespace) ?? 0;
      if (followers >= limits.followersMax || here >= limits.followersPerNamespaceMax) throw refusal();
      followers += 1;
      followersIn.set(namespace, here + 1);
      return () => {
        followers -= 1;
        const left = (followersIn.get(namespace) ?? 1) - 1;
        if (left === 0) followersIn.delete(namespace);
        else followersIn.set(namespace, left);
      };
    },
  };
}
