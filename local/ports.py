"""Ports on 127.0.0.1: which are free, and whether somebody answers."""

from __future__ import annotations

import http.client
import random
import socket
from collections.abc import Iterable
from pathlib import Path

HOST = "127.0.0.1"
_LOWEST = 10_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def answers(port: int, timeout_s: float = 0.5) -> bool:
    """Whether somebody accepts connections on the port."""
    try:
        with socket.create_connection((HOST, port), timeout_s):
            return True
    except OSError:
        return False


def get(port: int, path: str, timeout_s: float = 5.0) -> tuple[int, bytes]:
    """Status and body of a GET request to 127.0.0.1, whatever proxy the environment names; raises OSError."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as failure:
        raise OSError(f"no HTTP answer on port {port}") from failure
    finally:
        connection.close()


def free_ports(count: int, preferred: Iterable[int] = ()) -> list[int]:
    """`count` different free ports, those of `preferred` first.

    They lie below the range from which the system takes the ports of outgoing connections: otherwise a client that
    reconnects while a server restarts could be given the server's own port, and even connect to itself.
    """
    chosen: list[int] = []
    candidates = iter([*preferred, *_shuffled_candidates()])
    while len(chosen) < count:
        port = next(candidates)
        if port and port not in chosen and is_free(port):
            chosen.append(port)
    return chosen


def _shuffled_candidates() -> list[int]:
    try:
        first_ephemeral = int(_RANGE.read_text("utf-8").split()[0])
    except OSError:
        first_ephemeral = 32_768
    highest = first_ephemeral if first_ephemeral > _LOWEST + 1_000 else 65_536
    return random.sample(range(_LOWEST, highest), highest - _LOWEST)
