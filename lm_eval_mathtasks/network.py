"""Is a server there? One connection with a short deadline says so, before a library's retries take minutes."""

import os
import socket
from functools import cache
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

CONNECT_S = 5.0  # for a name to be looked up and a connection to be made, which needs one round trip each
_PORTS = {"http": 80, "https": 443}


@cache
def server_fault(url: str) -> str:
    """Why no connection to a server, or to the proxy before it, can be made; empty where one can. Asked once."""
    try:
        parts = urlsplit(url)
        proxies = {} if proxy_bypass(parts.hostname or "") else getproxies()
        parts = urlsplit(proxies.get(parts.scheme) or proxies.get("all") or url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError as error:
        return str(error)
    if not (parts.hostname and port):
        return ""
    found: list[str] = []
    # A name server that does not answer is waited for without a limit: hence the thread.
    asking = Thread(target=lambda: found.append(_connection_fault(parts.hostname, port)), daemon=True)
    asking.start()
    asking.join(CONNECT_S)
    return found[0] if found else f"no answer within {CONNECT_S:g} s"


def _connection_fault(host: str | None, port: int) -> str:
    try:
        socket.create_connection((host, port), timeout=CONNECT_S).close()
    except OSError as error:
        return str(error)
    return ""


@cache
def hub_fault() -> str:
    """Why the hub, or its mirror of HF_ENDPOINT, cannot be reached; empty where it can, or is not to be asked.

    Where it cannot, this process and those it starts ask it no more, and what is in the hub's cache is found at once.
    """
    from huggingface_hub import constants

    if constants.is_offline_mode():
        return ""
    if fault := server_fault(constants.ENDPOINT):
        os.environ["HF_HUB_OFFLINE"] = "1"
        constants.HF_HUB_OFFLINE = True
        return f"{constants.ENDPOINT} cannot be reached ({fault})"
    return ""
