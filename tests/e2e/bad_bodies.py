"""Everything that is wrong with a body as a table: its name, its bytes, and what the answer must say."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

DEEP = 100_000
_OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}


@dataclass(frozen=True)
class Bad:
    """One bad body; `expression` is where the answer must point, empty where there is no such place."""

    name: str
    body: bytes
    expression: str = ""
    statuses: tuple[int, ...] = (400,)


def _observation(**changes: Any) -> bytes:
    changed = {key: value for key, value in {**_OBSERVATION, **changes}.items() if value is not None}
    return json.dumps(changed).encode()


def bomb(size_bytes: int) -> bytes:
    """A gzip that unpacks to so many spaces."""
    packer = zlib.compressobj(1, wbits=31)
    packed = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(size_bytes >> 20))
    return packed + packer.flush()


UNREADABLE = (
    Bad("not JSON", b"this is not JSON"),
    Bad("cut JSON", b'{"resourceType":"Patient","name":['),
    Bad("two texts", b'{"resourceType":"Patient"}{"resourceType":"Patient"}'),
    Bad("Latin-1", '{"resourceType":"Patient","name":[{"family":"Müller"}]}'.encode("latin-1")),
    Bad("UTF-16", '{"resourceType":"Patient"}'.encode("utf-16")),
    Bad("NaN", b'{"resourceType":"Observation","valueQuantity":{"value":NaN}}'),
    Bad("infinity", b'{"resourceType":"Observation","valueQuantity":{"value":-Infinity}}'),
    Bad("1e400", b'{"resourceType":"Observation","valueQuantity":{"value":1e400}}'),
    Bad("5,000 digits", b'{"resourceType":"Observation","valueInteger":' + b"9" * 5_000 + b"}"),
    Bad("duplicate keys", b'{"resourceType":"Patient","active":true,"active":false}'),
    Bad("deep lists", b'{"resourceType":"Patient","name":' + b"[" * DEEP + b"]" * DEEP + b"}"),
    Bad("deep objects", b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    Bad("a lone surrogate", b'{"resourceType":"Patient","name":[{"family":"\\ud800"}]}'),
    Bad("a list", b"[]"),
    Bad("a string", b'"Patient"'),
    Bad("a raw control character", b'{"resourceType":"Patient","name":[{"family":"a\x00b"}]}'),
)
INVALID = (
    Bad("a missing required element", _observation(status=None), "Observation.status", (422,)),
    Bad("a wrong type", _observation(status=7), "Observation.status", (422,)),
    Bad("an unknown element", _observation(colour="red"), "Observation.colour", (422,)),
    Bad("a list for an object", _observation(code=[]), "Observation.code", (422,)),
    Bad("an impossible date", _observation(effectiveDateTime="2024-02-31"), "Observation.effective", (422,)),
    Bad("an id with dots", _observation(id="../../etc/passwd"), "Observation.id", (400, 422)),
    Bad("an empty string", _observation(language=""), "Observation.language", (422,)),
    Bad("a null", b'{"resourceType":"Observation","status":"final","code":null}', "Observation.code", (422,)),
)
UNKNOWN_TYPE = Bad("an unknown type", b'{"resourceType":"Spaceship"}', "", (400, 404, 422))
NO_TYPE = Bad("no type", b'{"name":"x"}', "", (400, 422))
