"""Resource ids of items: the container's key and the item's number, as the clients and DOCUMENTID take them apart.

https://learn.microsoft.com/azure/cosmos-db/nosql/query/documentid
"""

from __future__ import annotations

import base64
import struct

_ITEM = struct.Struct("<IIQ")


def item_rid(container: int, number: int) -> str:
    """Returns the resource id of an item."""
    return base64.b64encode(_ITEM.pack(1, container, number), b"+-").decode()


def item_number(rid: str) -> int | None:
    """Returns the item's number, None where the text is no item's resource id."""
    try:
        return int(_ITEM.unpack(base64.b64decode(rid, b"+-"))[2])
    except (ValueError, struct.error):
        return None
