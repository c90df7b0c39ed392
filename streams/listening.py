"""A small HTTP server in a thread: GET and HEAD of a few paths, each answered by one function, to who may ask."""

import socket
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from puhui.admission import may_ask

PLAIN: Final = "text/plain; charset=utf-8"
Answer = tuple[HTTPStatus, str, bytes]
"""A status, the type of a body, and the body."""
_MISTAKES: Final = {
    HTTPStatus.NOT_IMPLEMENTED: HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED: HTTPStatus.BAD_REQUEST,
}
"""What the library calls our fault is the asker's."""


class Server(ThreadingHTTPServer):
    """A thread a request; `handle_request` returns after a moment without one."""

    timeout = 0.5

    def __init__(self, address: tuple[str, int], answer: Callable[[str], Answer], token: str = "") -> None:
        self.answer = answer
        self.token = token
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
        if not may_ask(self.headers["Authorization"], self.server.token):
            return self.send_error(HTTPStatus.UNAUTHORIZED)
        self._send(*self.server.answer(self.path.partition("?")[0]))

    do_HEAD = do_GET

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Say only what kind of mistake it was, never what was sent."""
        status = _MISTAKES.get(HTTPStatus(code), HTTPStatus(code))
        self.request_version = self.protocol_version  # else what asks in no known version gets no status
        self.close_connection = True
        self._send(status, PLAIN, f"{status.phrase.lower()}\n".encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """A scrape is no event."""
