"""A line to PostgreSQL that can be cut at the worst moment: when a commit was sent and its answer did not come."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Final, Literal

from streams.broker import LOOPBACK

_PORTION: Final = 1 << 16

Cut = Literal["done", "lost"]
"""The server has committed, and nobody hears of it; or the commit never reaches the server."""


class Line:
    """Passes bytes on between clients and a server; `cut` breaks one connection off at its next commit."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._planned: Cut | None = None
        self._said = b""
        self.was_cut = threading.Event()
        self._listening = socket.create_server((LOOPBACK, 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where clients connect."""
        return int(self._listening.getsockname()[1])

    def cut(self, how: Cut, of: str) -> None:
        """Cut the connection that next commits a transaction in which this was said; return when it is cut."""
        self.was_cut.clear()
        self._said, self._planned = of.encode(), how
        assert self.was_cut.wait(30), "nobody commits"

    def close(self) -> None:
        """Take no more connections."""
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                ends = self._listening.accept()[0], socket.create_connection((LOOPBACK, self._server))
                for end in ends:
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                muted = threading.Event()
                for pump in (self._requests, self._answers):
                    threading.Thread(target=pump, args=(*ends, muted), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket, muted: threading.Event) -> None:
        how: Cut | None = None
        said = b""
        with suppress(OSError):
            while how is None and (request := client.recv(_PORTION)):
                said += request
                if self._planned is not None and b"COMMIT" in request and self._said in said:
                    how, self._planned = self._planned, None
                    muted.set()
                if b"COMMIT" in request:
                    said = b""
                if how != "lost":
                    server.sendall(request)
        for end, side in ((server, socket.SHUT_WR), (client, socket.SHUT_RDWR)):
            with suppress(OSError):
                end.shutdown(side)  # what was sent to the server before is still done
        if how is not None:
            self.was_cut.set()

    @staticmethod
    def _answers(client: socket.socket, server: socket.socket, muted: threading.Event) -> None:
        with suppress(OSError):
            while answer := server.recv(_PORTION):
                if not muted.is_set():
                    client.sendall(answer)
        for end in (client, server):
            end.close()
