"""Reading a body: counted and timed while it comes, unpacked within bounds, refused before the rest is read."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from shared.domain.fhir.outcome import error
from shared.errors import InputError, TooLarge, Unsupported

MAX_BODY_BYTES: Final = 16_000_000
"""The largest body by HTTP, packed or unpacked; larger bundles go by file."""
_CHUNK: Final = 1 << 16
_GZIP_WINDOW: Final = 31


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a body may pause and may take as a whole, kept in memory meanwhile; and that a large one waits unread."""

    idle_s: float = 10.0
    whole_s: float = 60.0
    place_s: float = 60.0


def may_exceed(request: Request, size: int) -> bool:
    """Whether the body is declared to be larger, or its size is not declared."""
    declared = request.headers.get("content-length", "0")
    return not declared.isdecimal() or int(declared[:19]) > size or "transfer-encoding" in request.headers


async def read_body(request: Request, cap: int, patience: Patience) -> bytes:
    """The body as it came. Raises TooLarge as soon as it is known to be, without reading further, and InputError (408)."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:19]) > cap:
        raise _too_large(cap)
    chunks, size = [], 0
    now = asyncio.get_running_loop().time
    end = now() + patience.whole_s
    try:
        async with asyncio.timeout(min(patience.idle_s, patience.whole_s)) as pause:
            async for chunk in request.stream():
                size += len(chunk)
                if size > cap:
                    raise _too_large(cap)
                chunks.append(chunk)
                pause.reschedule(min(now() + patience.idle_s, end))
    except TimeoutError:
        text = f"The body took more than {patience.whole_s:g} seconds, or paused for {patience.idle_s:g}: send it again."
        raise InputError(text, issues=[error("timeout", text, rule="body-time")], status=408) from None
    return b"".join(chunks)


def require_known_encoding(request: Request) -> None:
    """Raises Unsupported (415) for any Content-Encoding but gzip."""
    if request.headers.get("content-encoding", "identity").lower() not in ("identity", "gzip", ""):
        text = "The Content-Encoding must be gzip or absent."
        raise Unsupported(text, issues=[error("not-supported", text, rule="content-encoding")])


def unpack(raw: bytes, encoding: str, cap: int) -> bytes:
    """The body without its Content-Encoding. Raises TooLarge past the cap, InputError where the gzip is damaged."""
    if encoding.lower() != "gzip":
        return raw
    stream = zlib.decompressobj(_GZIP_WINDOW)
    out, size = [], 0
    try:
        for start in range(0, len(raw), _CHUNK):
            packed = raw[start : start + _CHUNK]
            while packed and not stream.eof:
                out.append(stream.decompress(packed, _CHUNK))
                packed = stream.unconsumed_tail
                size += len(out[-1])
                if size > cap:
                    raise _too_large(cap)
            if stream.eof and (stream.unused_data or start + _CHUNK < len(raw)):
                raise _damaged()
    except zlib.error:
        raise _damaged() from None
    if not stream.eof:
        raise _damaged()
    return b"".join(out)


def _damaged() -> InputError:
    text = "The gzip body is cut off, damaged, or followed by something else."
    return InputError(text, issues=[error("structure", text, rule="gzip")])


def _too_large(cap: int) -> TooLarge:
    text = f"The body is larger than {cap:,} bytes: send it in parts, or as a file to the landing container."
    return TooLarge(text, issues=[error("too-long", text, rule="body-size")])
