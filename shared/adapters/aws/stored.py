"""An item as the attributes of a DynamoDB item, and back.

`pk` and `sk` are its address, `e` the etag, `k` the kind, `x` what can be asked for as JSON text, `body` and `z` the body,
`p` what is pending, `ttl` the second after which it is forgotten. What does not fit into the 400 KB of an item is an object
of the lake, named by its content, and `aside` points there.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

from __future__ import annotations

import base64
import json
import uuid
import zlib
from collections.abc import Mapping
from typing import Any, Final

from shared.domain.ingest.raw_line import sha256_hex
from shared.domain.records import Item
from shared.errors import TooLarge
from shared.names import BODIES_FOLDER
from shared.ports.lake import Lake
from shared.ports.records import LONG_FIELDS, MAX_SHORT_BYTES

Attributes = dict[str, dict[str, Any]]
"""DynamoDB's own JSON: `{"pk": {"S": "…"}}`."""

FOLDER: Final = f"{BODIES_FOLDER}/aside"
ASIDE_ABOVE: Final = 350_000
"""Bytes of an item, a little below the service's 400 KB, for keys and envelope."""
READ_WITHOUT_BODY: Final = ("pk", "sk", "e", "k", "x", "ttl")


def new_etag() -> str:
    """The etag of one write: no other has it, so a write whose answer was lost is known again."""
    return f'"{uuid.uuid4().hex}"'


def partition_of(tenant: str, home: str) -> str:
    """The partition of a home. Neither name is empty or has a slash, so no list of the index has this name."""
    return f"{tenant}/{home}"


def key_of(tenant: str, home: str, item_id: str) -> Attributes:
    """The address of an item."""
    return {"pk": {"S": partition_of(tenant, home)}, "sk": {"S": item_id}}


def address_of(key: Mapping[str, Mapping[str, Any]]) -> tuple[str, str, str]:
    """The tenant, home and id of an address."""
    tenant, _, home = key["pk"]["S"].partition("/")
    return tenant, home, key["sk"]["S"]


def bare_etag(etag: str) -> str:
    """An etag without its quotes, as attributes and lists keep it."""
    return etag.strip('"')


def attributes_of(item: Item, etag: str, now_s: float, lake: Lake) -> Attributes:
    """What is written of an item; puts aside what is too long for it. Raises TooLarge, Busy and Unavailable."""
    short = _json({k: v for k, v in item.items() if k not in LONG_FIELDS and k != "_etag"})
    if len(short.encode()) > MAX_SHORT_BYTES:
        raise TooLarge("What can be searched of this resource is too large for an item.")
    attributes = key_of(item["tenant"], item["home"], item["id"])
    attributes |= {"e": {"S": bare_etag(etag)}, "k": {"S": str(item["kind"])}, "x": {"S": short}}
    if isinstance(ttl := item.get("ttl"), int) and ttl > 0:
        attributes["ttl"] = {"N": str(int(now_s) + ttl)}
    long = {name: item[name] for name in LONG_FIELDS if name in item}
    packed = {name: _packed(name, value) for name, value in long.items()}
    if len(short.encode()) + sum(map(_size, packed.values())) <= ASIDE_ABOVE:
        return attributes | {_NAMES.get(name, name): value for name, value in packed.items()}
    data = _json(long).encode()
    path = f"{FOLDER}/t={item['tenant']}/{sha256_hex(data)}.json.z"
    lake.put_if_absent(path, zlib.compress(data, 1))
    return attributes | {"aside": {"S": path}}


_NAMES: Final = {"pending": "p"}


def _packed(name: str, value: Any) -> dict[str, Any]:
    if name == "z":
        return {"B": base64.b64decode(value)}  # a quarter less than as text
    return {"S": value if name == "body" else _json(value)}


def _size(value: Mapping[str, Any]) -> int:
    return len(value["B"]) if "B" in value else len(value["S"].encode())


def item_of(attributes: Mapping[str, Mapping[str, Any]], lake: Lake) -> Item | None:
    """The item of attributes as boto3 or an event of the table's stream has them; None for an entry of the index."""
    return completed(head_of(attributes), attributes, lake) if "x" in attributes else None


def completed(head: Item, attributes: Mapping[str, Mapping[str, Any]], lake: Lake) -> Item:
    """The item of a head, with what is long: fetched from the lake where it was put aside."""
    item = dict(head)
    if "body" in attributes:
        item["body"] = attributes["body"]["S"]
    if "z" in attributes:
        item["z"] = _base64(attributes["z"]["B"])
    if "p" in attributes:
        item["pending"] = json.loads(attributes["p"]["S"])
    if "aside" in attributes:
        item |= json.loads(zlib.decompress(lake.read(attributes["aside"]["S"])))
    return item


def head_of(attributes: Mapping[str, Mapping[str, Any]]) -> Item:
    """The item without what is long: all that a query can ask for, and the etag."""
    item: Item = json.loads(attributes["x"]["S"])
    item["_etag"] = f'"{attributes["e"]["S"]}"'
    return item


def is_expired(attributes: Mapping[str, Mapping[str, Any]], now_s: float) -> bool:
    """Whether it is forgotten already: the service removes such items within some days."""
    return "ttl" in attributes and int(attributes["ttl"]["N"]) <= now_s


def _base64(value: bytes | str) -> str:
    """Lambda hands binary values over as base64 text, boto3 as bytes."""
    return value if isinstance(value, str) else base64.b64encode(value).decode()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
