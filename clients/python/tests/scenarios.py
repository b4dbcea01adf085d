"""The runner of clients/vectors/scenarios.json: carries out the steps and prints what happened.

The first argument names the client (threads or asyncio), the last is the question of test/clients/drive.ts.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from onced import (
    DeadlineExceededError,
    FinalError,
    InProgressError,
    IntentFailedError,
    KeyReusedError,
    OncedError,
    OrphanedError,
    OutcomeNotRecordedError,
    RetryableError,
    RetryLaterError,
    RunOptions,
    UnknownOutcomeError,
)
from onced._core import duration_of
from onced.v1.idempotency_pb2 import BeginIntentRequest
from support.blocking import CLIENTS, BlockingClient

AT_ONCE = 8
REPEATS_MAX = 200
STOP_SECONDS_MAX = 20

Json = dict[str, Any]
OUTCOMES: list[tuple[type[Exception], str]] = [
    (InProgressError, "in-progress"),
    (RetryLaterError, "retry-later"),
    (OrphanedError, "orphaned"),
    (KeyReusedError, "key-reused"),
    (OutcomeNotRecordedError, "not-recorded"),
    (RetryableError, "retryable"),
]


@dataclass(frozen=True)
class Place:
    scenario: Json
    namespace: str
    key: str
    client: BlockingClient


class Runner:
    def __init__(self, kind: str, asked: Json) -> None:
        self.asked = asked
        self.scenarios: list[Json] = json.loads(Path(asked["scenarios"]).read_text("utf-8"))["scenarios"]
        self.straight = CLIENTS[kind](asked["server"])
        self.through = CLIENTS[kind](asked["proxy"]) if "proxy" in asked else self.straight
        self.effects: Counter[str] = Counter()
        self.outcomes: list[Json] = []

    def run_all(self) -> None:
        for scenario in self.scenarios:
            if "faults" in scenario:
                self.set_faults(scenario["faults"])
            self.for_each_key(scenario, self.asked["name"], self.through, "steps")
            if "faults" in scenario:
                self.set_faults([])

    def replay_all(self) -> None:
        for owner in self.asked["owners"]:
            for scenario in self.scenarios:
                self.for_each_key(scenario, owner, self.straight, "replay")

    def set_faults(self, faults: list[Json]) -> None:
        with urllib.request.urlopen(self.asked["control"], json.dumps(faults).encode(), timeout=30):
            pass

    def for_each_key(self, scenario: Json, owner: str, client: BlockingClient, path: str) -> None:
        namespace = "/".join([self.asked["namespace"], *([scenario["namespace"]] if "namespace" in scenario else [])])
        key = scenario["key"]
        names = [f"{key}-{index}" for index in range(scenario["keys"])] if "keys" in scenario else [key]
        with ThreadPoolExecutor(AT_ONCE) as lines:
            places = [Place(scenario, namespace, f"{owner}/{name}", client) for name in names]
            list(lines.map(lambda place: self.carry_out(place, scenario.get(path, []), path), places))

    def carry_out(self, place: Place, steps: list[Json], path: str) -> None:
        for index, step in enumerate(steps):
            at = f"{path}/{index}"
            if step["do"] == "pause":
                time.sleep(step["ms"] / 1000)
                continue
            outcome = self.begin(place, step) if step["do"] == "begin" else self.run_until_answered(place, step, at)
            self.outcomes.append({"key": place.key, "path": at, **outcome})

    def begin(self, place: Place, step: Json) -> Json:
        request = BeginIntentRequest(namespace=place.namespace, key=place.key)
        if "lease_ms" in step:
            request.lease.CopyFrom(duration_of(step["lease_ms"] / 1000))
        outcome = place.client.begin(request).WhichOneof("outcome") or ""
        return {"outcome": outcome.replace("_", "-")}

    def run_until_answered(self, place: Place, step: Json, path: str) -> Json:
        for _ in range(REPEATS_MAX):
            outcome = self.run(place, step, path)
            if outcome["outcome"] != "unreachable" or not step.get("until_answered", False):
                break
            time.sleep(0.02)
        return outcome

    def run(self, place: Place, step: Json, path: str) -> Json:
        client = self.straight if step.get("client") == "second" else place.client
        options: RunOptions = {}
        if "exclude" in place.scenario:
            options["exclude"] = place.scenario["exclude"]
        if "lease_ms" in step:
            options["lease_seconds"] = step["lease_ms"] / 1000
        if "wait_ms" in step:
            options["wait_seconds"] = step["wait_ms"] / 1000
        seen: Json = {}

        def work(attempt: Any) -> Any:
            saved = attempt.previous_checkpoint
            seen["seen"] = {"attempt": attempt.number, **({} if saved is None else {"checkpoint": saved.decode()})}
            return self.work(place, step.get("work", {}), client, attempt, path)

        try:
            result = client.run_once(place.namespace, place.key, request_of(place.scenario, step), work, options)
        except Exception as error:  # noqa: BLE001
            return {**outcome_of(error), **seen}
        return {"outcome": "completed", "replayed": result.is_replayed, "value": result.value, **seen}

    def work(self, place: Place, todo: Json, client: BlockingClient, attempt: Any, path: str) -> Any:
        if "checkpoint" in todo:
            client.save_checkpoint(attempt, todo["checkpoint"].encode())
        if todo.get("effect", False):
            self.effects[place.key] += 1
        time.sleep(todo.get("takes_ms", 0) / 1000)
        if todo.get("waits_for_stop", False):
            end = time.monotonic() + STOP_SECONDS_MAX
            while attempt.ending is None and time.monotonic() < end:
                time.sleep(0.005)
        self.carry_out(place, todo.get("during", []), f"{path}/during")
        match todo.get("throws"):
            case "final":
                raise FinalError(todo["message"], code=todo["code"])
            case "retryable":
                raise RetryableError(todo["message"], retry_after_seconds=todo.get("retry_after_ms", 0) / 1000)
            case "unknown":
                raise UnknownOutcomeError(todo["message"])
            case "other":
                raise ConnectionError(todo["message"])
            case _:
                return todo.get("returns")


def request_of(scenario: Json, step: Json) -> object:
    if "request" in step:
        return step["request"]
    return bytes.fromhex(scenario["request_hex"]) if "request_hex" in scenario else scenario["request"]


def outcome_of(error: Exception) -> Json:
    if isinstance(error, IntentFailedError):
        stored = error.error
        return {"outcome": "failed", "replayed": error.is_replayed, "code": stored.code, "message": stored.message}
    for kind, name in OUTCOMES:
        if isinstance(error, kind):
            return {"outcome": name}
    if not isinstance(error, OncedError):
        return {"outcome": "unknown", "detail": repr(error)}  # what the work raised
    may_repeat = error.is_retryable or isinstance(error, DeadlineExceededError)
    return {"outcome": "unreachable" if may_repeat else "error", "detail": str(error)}


def main() -> None:
    runner = Runner(sys.argv[1], json.loads(sys.argv[-1]))
    if runner.asked["phase"] == "run":
        runner.run_all()
    else:
        runner.replay_all()
    print(json.dumps({"effects": runner.effects, "outcomes": runner.outcomes}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
