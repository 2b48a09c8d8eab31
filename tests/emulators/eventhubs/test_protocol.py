"""The wire by hand: what no SDK sends on purpose must not hurt, and windows and credit are kept."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from local.emulators.eventhubs.codec import Described, Symbol, UInt, decode, encode
from local.emulators.eventhubs.config import HubConfig
from local.emulators.eventhubs.frames import (
    AMQP_HEADER,
    ATTACH,
    BEGIN,
    CLOSE,
    DETACH,
    DISPOSITION,
    END,
    FLOW,
    OPEN,
    SASL_HEADER,
    SASL_INIT,
    SASL_OUTCOME,
    TRANSFER,
    frame,
    performative,
)
from local.emulators.eventhubs.hub import Namespace, Storage
from local.emulators.eventhubs.message import BATCH_FORMAT
from local.emulators.eventhubs.security import Policy
from local.emulators.eventhubs.server import Server

PLAIN = b"\0policy\0key"


class Peer:
    """A client that writes and reads frames one by one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(
        self, code: int, *fields: Any, payload: bytes = b"", channel: int = 0, sasl: bool = False
    ) -> None:
        self.writer.write(frame(channel, performative(code, list(fields)) + payload, sasl=sasl))

    async def read(self) -> tuple[int, list[Any], bytes]:
        """Code, fields and payload of the next frame; code 0 for a heartbeat."""
        size, offset = struct.unpack(">IB3x", await asyncio.wait_for(self.reader.readexactly(8), 10))
        body = await self.reader.readexactly(size - 8)
        if not body:
            return 0, [], b""
        described, end = decode(body, (offset - 2) * 4)
        return described.descriptor, described.value, body[end:]

    async def expect(self, code: int) -> tuple[list[Any], bytes]:
        """The next frame with this code; others are passed over."""
        while True:
            got, fields, payload = await self.read()
            if got == code:
                return fields, payload

    async def ended(self) -> bool:
        return await asyncio.wait_for(self.reader.read(), 10) == b""

    async def login(self, response: bytes = PLAIN) -> int:
        """SASL PLAIN; returns the outcome's code."""
        self.writer.write(SASL_HEADER)
        assert await self.reader.readexactly(8) == SASL_HEADER
        self.send(SASL_INIT, Symbol("PLAIN"), response, sasl=True)
        fields, _ = await self.expect(SASL_OUTCOME)
        return int(fields[0])

    async def open(self, *, max_frame: int = 65536, idle_ms: int | None = None, window: int = 100) -> None:
        """Log in, open the connection and begin a session."""
        assert await self.login() == 0
        self.writer.write(AMQP_HEADER)
        assert await self.reader.readexactly(8) == AMQP_HEADER
        idle = None if idle_ms is None else UInt(idle_ms)
        self.send(OPEN, "test", None, UInt(max_frame), None, idle)
        self.send(BEGIN, None, UInt(0), UInt(window), UInt(100))
        await self.expect(BEGIN)

    def attach(self, address: str, *, receive: bool, handle: int = 0) -> None:
        source, target = Described(0x28, [address]), Described(0x29, [address])
        self.send(
            ATTACH, f"link-{handle}", UInt(handle), receive, None, None, source, target, None, None, UInt(0)
        )

    def transfer(
        self, payload: bytes, *, delivery: int = 0, message_format: int = 0, more: bool = False
    ) -> None:
        fields = [UInt(0), UInt(delivery), b"tag", UInt(message_format), False, more]
        self.send(TRANSFER, *fields, payload=payload)


def event(body: bytes) -> bytes:
    return encode(Described(0x75, body))


def run(scenario: Any, tmp_path: Path, **options: Any) -> None:
    async def main() -> None:
        async with serving(tmp_path, **options) as peer:
            await scenario(peer)

    asyncio.run(main())


@asynccontextmanager
async def serving(tmp_path: Path, **options: Any) -> AsyncIterator[Peer]:
    namespace = Namespace([HubConfig("h", 1)], Storage(tmp_path))
    server = Server(namespace, Policy("policy", "key"), **options)
    port = await server.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Peer(reader, writer)
    finally:
        await server.stop()
        writer.close()


def test_answers_an_unknown_protocol_with_the_one_it_speaks(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        peer.writer.write(b"ICY / HTTP/1.1\r\n\r\n")
        assert await asyncio.wait_for(peer.reader.read(), 10) == SASL_HEADER

    run(scenario, tmp_path)


def test_refuses_a_wrong_plain_password(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        assert await peer.login(b"\0policy\0wrong") == 1
        assert await peer.ended()

    run(scenario, tmp_path)


@pytest.mark.parametrize(
    "garbage",
    [
        struct.pack(">IBBH", 70_000, 2, 0, 0),
        struct.pack(">IBBH", 8, 200, 0, 0),
        frame(0, b"\xff\xff"),
        frame(0, performative(ATTACH, ["x", UInt(1), True, None, None, "not a source"])),
        frame(0, performative(FLOW, [None, "many"])),
    ],
)
def test_closes_with_an_error_on_malformed_frames(tmp_path: Path, garbage: bytes) -> None:
    async def scenario(peer: Peer) -> None:
        await peer.open()
        peer.writer.write(garbage)
        code = 0
        while code not in (CLOSE, DETACH):
            code, fields, _ = await peer.read()
        assert fields[-1].value[0].startswith("amqp:")

    run(scenario, tmp_path)


def test_needs_a_token_before_a_link(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        peer.writer.write(AMQP_HEADER)
        assert await peer.reader.readexactly(8) == AMQP_HEADER
        peer.send(OPEN, "test")
        peer.send(BEGIN, None, UInt(0), UInt(10), UInt(10))
        peer.attach("h", receive=False)
        fields, _ = await peer.expect(DETACH)
        assert fields[2].value[0] == "amqp:unauthorized-access"

    run(scenario, tmp_path)


def test_keeps_to_the_receivers_credit_and_drains_it(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        await peer.open()
        peer.attach("h", receive=False)
        for number in range(5):
            peer.transfer(event(b"%d" % number), delivery=number)
        for _ in range(5):
            assert (await peer.expect(DISPOSITION))[0][4].descriptor == 0x24
        peer.attach("h/ConsumerGroups/$Default/Partitions/0", receive=True, handle=1)
        peer.send(FLOW, UInt(0), UInt(100), UInt(5), UInt(100), UInt(1), UInt(0), UInt(2))
        bodies = [(await peer.expect(TRANSFER))[1][-1:] for _ in range(2)]
        peer.send(FLOW, UInt(2), UInt(100), UInt(5), UInt(100), UInt(1), UInt(2), UInt(50), None, True)
        bodies += [(await peer.expect(TRANSFER))[1][-1:] for _ in range(3)]
        fields, _ = await peer.expect(FLOW)
        assert bodies == [b"0", b"1", b"2", b"3", b"4"]
        assert (fields[5], fields[6], fields[8]) == (52, 0, True)

    run(scenario, tmp_path)


def test_keeps_to_the_session_window_and_the_frame_size_in_the_middle_of_a_message(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        await peer.open(max_frame=1000, window=2)
        peer.attach("h", receive=False)
        peer.transfer(event(b"x" * 4000))
        await peer.expect(DISPOSITION)
        peer.attach("h/ConsumerGroups/$Default/Partitions/0", receive=True, handle=1)
        peer.send(FLOW, UInt(0), UInt(2), UInt(1), UInt(100), UInt(1), UInt(0), UInt(10))
        parts = [(await peer.expect(TRANSFER))[1] for _ in range(2)]
        peer.send(FLOW, UInt(2), UInt(0), UInt(1), UInt(100), None, None, None, None, None, True)
        fields, _ = await peer.expect(FLOW)
        assert fields[2] == 2, "the window was shut, so nothing came in between"
        peer.send(FLOW, UInt(2), UInt(100), UInt(1), UInt(100))
        more = True
        while more:
            fields, part = await peer.expect(TRANSFER)
            parts.append(part)
            more = fields[5]
        assert b"".join(parts).endswith(b"x" * 4000)
        assert max(map(len, parts)) <= 1000

    run(scenario, tmp_path)


@pytest.mark.parametrize(
    ("payload", "message_format"),
    [
        (b"", 0),
        (b"nonsense", 0),
        (encode(Described(0x73, ["id"])), 0),
        (event(b"not a message"), BATCH_FORMAT),
        (encode(Described(0x75, "text")), BATCH_FORMAT),
        (encode(Described(0x72, {})), BATCH_FORMAT),
    ],
)
def test_rejects_what_no_consumer_could_read(tmp_path: Path, payload: bytes, message_format: int) -> None:
    async def scenario(peer: Peer) -> None:
        await peer.open()
        peer.attach("h", receive=False)
        peer.transfer(payload, message_format=message_format)
        state = (await peer.expect(DISPOSITION))[0][4]
        assert state.descriptor == 0x25
        assert state.value[0].value[0] == "amqp:decode-error"
        peer.transfer(event(b"fine"), delivery=1)
        assert (await peer.expect(DISPOSITION))[0][4].descriptor == 0x24

    run(scenario, tmp_path)


def test_an_aborted_delivery_is_forgotten(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        await peer.open()
        peer.attach("h", receive=False)
        peer.transfer(event(b"never")[:4], more=True)
        peer.send(TRANSFER, UInt(0), None, None, None, None, False, None, None, None, True)
        peer.transfer(event(b"kept"), delivery=1)
        assert (await peer.expect(DISPOSITION))[0][1] == 1

    run(scenario, tmp_path)


def test_ends_a_session_that_uses_a_handle_twice(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        await peer.open()
        peer.attach("h", receive=False)
        peer.attach("h", receive=False)
        fields, _ = await peer.expect(END)
        assert fields[0].value[0] == "amqp:session:handle-in-use"

    run(scenario, tmp_path)


def test_sends_heartbeats_as_often_as_the_peer_needs_them(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        await peer.open(idle_ms=50)
        for _ in range(3):
            await peer.expect(0)

    run(scenario, tmp_path)


def test_closes_a_connection_that_stays_silent(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        await peer.open()
        fields, _ = await peer.expect(CLOSE)
        assert fields[0].value[0] == "amqp:connection:forced"
        assert await peer.ended()

    run(scenario, tmp_path, idle_timeout_ms=50)


def test_bodies_of_a_batch_go_to_one_partition_under_the_key_of_the_batch(tmp_path: Path) -> None:
    async def scenario(peer: Peer) -> None:
        await peer.open()
        peer.attach("h", receive=False)
        batch = encode(Described(0x72, {Symbol("x-opt-partition-key"): "p"}))
        batch += event(event(b"one")) + event(event(b"two"))
        peer.transfer(batch, message_format=BATCH_FORMAT)
        await peer.expect(DISPOSITION)
        peer.attach("h/ConsumerGroups/$Default/Partitions/0", receive=True, handle=1)
        peer.send(FLOW, UInt(0), UInt(100), UInt(1), UInt(100), UInt(1), UInt(0), UInt(9))
        for expected in (b"one", b"two"):
            _, payload = await peer.expect(TRANSFER)
            annotations, _ = decode(payload)
            assert annotations.value["x-opt-partition-key"] == "p"
            assert payload.endswith(event(expected))

    run(scenario, tmp_path)
