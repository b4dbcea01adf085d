"""The thread that looks after all leases of a client, so that neither busy work nor a blocked event loop keeps them from
being renewed. It runs while there are any.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from typing import Protocol

NEVER = float("inf")
_IDLE_SECONDS = 5.0  # without leases the thread ends after this time


class Kept(Protocol):
    """What is looked after."""

    keeper: Keeper | None
    looked_at_next: float

    def next_look(self) -> float | None: ...
    def look(self, due: float) -> None: ...


class Keeper:
    """Calls look() of each when it is due. Safe for use by many threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Kept]] = []
        self._order = itertools.count()
        self._is_running = False

    def keep(self, lease: Kept) -> None:
        lease.keeper = self
        self.plan(lease)

    def plan(self, lease: Kept) -> None:
        due = lease.next_look()
        if due is None or due == NEVER:
            return
        with self._changed:
            lease.looked_at_next = due
            heapq.heappush(self._heap, (due, next(self._order), lease))
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="onced-leases", daemon=True).start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            looked = self._next()
            if looked is None:
                return
            due, lease = looked
            lease.look(due)
            self.plan(lease)

    def _next(self) -> tuple[float, Kept] | None:
        """Waits until something is due. None, and the end of the thread, when there is nothing for long."""
        with self._changed:
            while True:
                if not self._heap:
                    if not self._changed.wait(_IDLE_SECONDS) and not self._heap:
                        self._is_running = False
                        return None
                    continue
                due, _, lease = self._heap[0]
                left = due - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                heapq.heappop(self._heap)
                # An entry whose lease has been planned anew since is void.
                if due == lease.looked_at_next:
                    return due, lease
