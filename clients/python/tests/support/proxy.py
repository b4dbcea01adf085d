"""A TCP proxy on loopback that loses things. It knows no protocol."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from types import TracebackType

_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Passes everything until told otherwise. It lives on an event loop of its own thread."""

    def __init__(self, target: str) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        seed = random.randrange(2**32)
        print(f"proxy seed {seed}")  # noqa: T201
        self._random = random.Random(seed)
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._join, "127.0.0.1", 0, backlog=256), self._loop
        ).result()
        self.address = "{}:{}".format(*self._server.sockets[0].getsockname())
        self.lose_replies = 0.0
        """Share of what the server sends that is thrown away, after it has done its work; the connection is reset."""
        self.is_silent = False
        """Reads and loses everything in both directions, on connections that stay open."""
        self.delay_replies_seconds = 0.0
        self._is_refusing = False

    def refuse(self, is_refusing: bool) -> None:
        """Resets open connections, and each new one."""
        self._is_refusing = is_refusing
        if is_refusing:
            self.cut()

    def cut(self) -> None:
        """Resets what is open now."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _close(self) -> None:
        self._server.close()
        await self._cut()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.wait(others)

    async def _cut(self) -> None:
        for writer in list(self._open):
            _reset(writer)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_refusing:
            _reset(writer)
            return
        try:
            server_reader, server_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            _reset(writer)
            return
        self._open |= {writer, server_writer}
        copies = [
            asyncio.create_task(self._copy(reader, server_writer, is_reply=False)),
            asyncio.create_task(self._copy(server_reader, writer, is_reply=True)),
        ]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            pass  # the proxy closes; asyncio would write of it to the console
        finally:
            for copy in copies:
                copy.cancel()
            self._open -= {writer, server_writer}
            _reset(writer)
            _reset(server_writer)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_reply: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(64 * 1024):
                if is_reply and self._random.random() < self.lose_replies:
                    return
                if is_reply:
                    await asyncio.sleep(self.delay_replies_seconds)
                if not self.is_silent:
                    writer.write(data)
                    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    if writer.transport is not None:
        writer.transport.abort()
