"""Who may ask over HTTP: on loopback whoever is on this machine, elsewhere only who shows the token."""

import hmac
import socket
from ipaddress import ip_address

from puhui.settings import WrongSetting


def check_listening(host: str, token: str) -> None:
    """WrongSetting where others than this machine could reach the address, and there is no token."""
    if not token and not is_loopback(host):
        raise WrongSetting(
            f"PUHUI_HTTP_TOKEN: {host} can be reached from elsewhere, so whoever asks there must show a token: set one"
        )


def is_loopback(host: str) -> bool:
    """Is this a name or an address that only this machine itself can reach?"""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return all(ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)


def may_ask(authorization: str | None, token: str) -> bool:
    """Does the header `Authorization` show the token? Without a token everybody may ask."""
    if not token:
        return True
    scheme, _, shown = (authorization or "").partition(" ")
    good = hmac.compare_digest(shown.strip().encode("utf-8", "surrogateescape"), token.encode())
    return good and scheme.lower() == "bearer"
