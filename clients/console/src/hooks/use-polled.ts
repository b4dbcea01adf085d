// A call repeated while the page is looked at. What it last answered stays when a later call fails.

import { useCallback, useEffect, useRef, useState } from 'react';
import { troubleOf, type Trouble } from '../api/trouble.ts';

export interface Polled<Value> {
  /** Undefined until the first answer. */
  readonly value: Value | undefined;
  /** Why the latest call failed. */
  readonly trouble: Trouble | undefined;
  readonly refresh: () => void;
}

export interface PolledOptions<Value> {
  /** Changes when something else is asked for: what was answered before is dropped then. */
  readonly question: string;
  readonly ask: (signal: AbortSignal) => Promise<Value>;
  /** Undefined: once, and when asked to refresh. */
  readonly everyMs?: number | undefined;
  readonly onAnswer?: (value: Value) => void;
}

interface Answered<Value> {
  readonly question: string;
  readonly value: Value | undefined;
  readonly trouble: Trouble | undefined;
}

export function usePolled<Value>(options: PolledOptions<Value>): Polled<Value> {
  const { question, everyMs } = options;
  const latest = useRef(options);
  latest.current = options;
  const [answered, setAnswered] = useState<Answered<Value>>({ question, value: undefined, trouble: undefined });
  const [round, setRound] = useState(0);

  useEffect(() => {
    const ending = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const isOver = (): boolean => ending.signal.aborted;
    const again = (): void => {
      if (everyMs !== undefined && !isOver()) timer = setTimeout(look, everyMs);
    };
    const look = (): void => {
      // A tab that nobody sees asks nothing.
      if (everyMs !== undefined && document.visibilityState === 'hidden') {
        again();
        return;
      }
      latest.current
        .ask(ending.signal)
        .then((value) => {
          if (isOver()) return;
          setAnswered({ question, value, trouble: undefined });
          latest.current.onAnswer?.(value);
        })
        .catch((error: unknown) => {
          const trouble = troubleOf(error);
          if (!isOver() && trouble !== undefined) setAnswered((before) => ({ ...keep(before, question), trouble }));
        })
        .finally(again);
    };
    look();
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [question, everyMs, round]);

  const refresh = useCallback(() => setRound((count) => count + 1), []);
  const { value, trouble } = keep(answered, question);
  return { value, trouble, refresh };
}

const keep = <Value>(before: Answered<Value>, question: string): Answered<Value> =>
  before.question === question ? before : { question, value: undefined, trouble: undefined };
