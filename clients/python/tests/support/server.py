"""Starts a real Onced server as a child process, with a store of its own in memory."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import threading
import uuid
from pathlib import Path
from queue import Empty, Queue

ROOT = Path(__file__).parents[4]
_START_SECONDS_MAX = 60.0
# Has the kernel end the server when the tests die without stopping it. Not by a preexec_fn: gRPC's threads are running, and a
# child that was forked beside them may not live to its exec.
_ENDS_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


class Server:
    """Runs until stop(), or until this process ends."""

    def __init__(self, *arguments: str) -> None:
        node = ROOT / "node_modules" / ".bin" / "node"
        listen = ["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log-level", "error"]
        self._process = subprocess.Popen(
            [*_ENDS_WITH_PARENT, str(node), "cli/main.ts", "serve", "--store", "memory:", *listen, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.address = self._read_address()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read_address(self) -> str:
        found: Queue[str] = Queue()
        threading.Thread(target=self._read, args=(found,), daemon=True).start()
        try:
            address = found.get(timeout=_START_SECONDS_MAX)
        except Empty:
            address = ""
        if address == "":
            status = self._process.poll()
            self.stop()
            raise RuntimeError(f"the server did not say where it serves gRPC (exit status {status}); is npm ci done?")
        return address

    def _read(self, found: Queue[str]) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            match = re.search(r"gRPC\D*?((?:127\.0\.0\.1|localhost):\d+)", line)
            if match is not None:
                found.put(match[1])
        found.put("")  # it has ended


def make_namespace() -> str:
    """One that no other test uses."""
    return f"test/{uuid.uuid4().hex}"
