"""The command `serve`: the console's pages over HTTP, on this machine alone unless told otherwise."""

import argparse
import logging
import sys
from contextlib import closing
from typing import Final

from aggregates.store import StoreFailed, open_store
from puhui.admission import check_listening
from puhui.commands import GOOD, WRONG, Commands, command, failed, number
from puhui.settings import Settings

_REQUESTS_END: Final = 3.0
"""Seconds that running requests have when the page is stopped."""


def add(commands: Commands) -> None:
    """Add the commands of this module."""
    what = "show the figures and alerts as pages, read-only, while workers write"
    parser = command(commands, "serve", run_serve, what)
    parser.add_argument("--host", help="the address to listen on (default: PUHUI_HTTP_HOST, 127.0.0.1)")
    parser.add_argument(
        "--port", type=number(0, 65535), help="the port (default: PUHUI_HTTP_PORT; 0 takes any free one)"
    )


def run_serve(given: argparse.Namespace) -> int:
    """`puhui serve`: until a signal says stop; 3 where the address is taken."""
    from aiohttp import web

    from console.site import site

    settings = Settings.read()
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    host, port = given.host or settings.http_host, settings.http_port if given.port is None else given.port
    if given.port is None and not port:
        return failed("no port to listen on: give --port or PUHUI_HTTP_PORT", WRONG)
    check_listening(host, settings.http_token)
    try:
        with closing(open_store(settings.store, read_only=True)):
            pass
    except StoreFailed as error:
        print(f"puhui: {error}; pages answer 503 until it can be read", file=sys.stderr)
    try:
        web.run_app(
            site(settings.store, settings.environment, settings.http_token), host=host, port=port, access_log=None,
            shutdown_timeout=_REQUESTS_END, print=_say,
        )  # fmt: skip
    except OSError as error:
        return failed(f"{host}:{port} cannot be listened on: {error.strerror}")
    return GOOD


def _say(text: str) -> None:
    """The address that was taken; the rest of what the library says is left out."""
    for word in text.split():
        if word.startswith("http"):
            print(word, flush=True)
