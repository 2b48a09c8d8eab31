"""The listening server of one namespace."""

from __future__ import annotations

import asyncio

from local.callers import Callers, listens_locally
from local.emulators.faults import Faults

from .connection import IDLE_TIMEOUT_MS, Connection
from .frames import AmqpError
from .hub import Namespace
from .security import Policy


class Server:
    """Serves a namespace on a host and port; port 0 takes a free one."""

    def __init__(
        self,
        namespace: Namespace,
        policy: Policy,
        *,
        idle_timeout_ms: int = IDLE_TIMEOUT_MS,
        faults: Faults | None = None,
    ) -> None:
        self._namespace = namespace
        self._policy = policy
        self._idle_timeout_ms = idle_timeout_ms
        self._faults = faults
        self._connections: set[Connection] = set()
        self._callers = Callers()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen and return the port."""
        self._callers = Callers(listens_locally(host))
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening, tell the clients and close the logs."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.close(AmqpError("amqp:connection:forced", "The emulator is shutting down."))
        # Closed transports finish in the next turn of the loop; no client is waited for.
        await asyncio.sleep(0)
        self._namespace.close()

    def _connection(self) -> Connection:
        return Connection(
            self._namespace,
            self._policy,
            self._connections,
            self._callers,
            idle_timeout_ms=self._idle_timeout_ms,
            faults=self._faults,
        )
