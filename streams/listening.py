"""A small HTTP server in a thread: GET and HEAD of a few paths, each answered by one function."""

import socket
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

PLAIN: Final = "text/plain; charset=utf-8"
Answer = tuple[HTTPStatus, str, bytes]
"""A status, the type of a body, and the body."""


class Server(ThreadingHTTPServer):
    """A thread a request; `handle_request` returns after a moment without one."""

    timeout = 0.5

    def __init__(self, address: tuple[str, int], answer: Callable[[str], Answer]) -> None:
        self.answer = answer
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Who breaks off a scrape is not worth a word."""


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD."""

    server: Server
    timeout = 10
    server_version = "puhui"
    sys_version = ""

    def do_GET(self) -> None:
        status, kind, body = self.server.answer(self.path.partition("?")[0])
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        """A scrape is no event."""
