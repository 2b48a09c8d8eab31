"""The HTTP server of the host: uvicorn with httptools on a socket bound beforehand, signals left to the host."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from local.host.settings import SettingsRejected

KEEP_ALIVE_S = 120
"""Kestrel's default is 130 s; below it, so that no client meets a connection just closed by the platform before it."""


class Server(uvicorn.Server):
    """Does not take over the process's signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; says who is in the way where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named: without it an answer takes 40 ms
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as taken:
        listening.close()
        raise SettingsRejected(
            f"Port {port} is unavailable. Close the process using that port, or give another --port"
        ) from taken
    listening.listen(2048)
    listening.setblocking(False)
    return listening


def make_server(app: Any) -> Server:
    """A server for a raw ASGI app, without access log or lifespan."""
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=5,
        proxy_headers=False,
        h11_max_incomplete_event_size=None,
    )
    return Server(config)
