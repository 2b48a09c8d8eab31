"""Offers: the throughput that a database or container was given, fixed or scaled on demand.

https://learn.microsoft.com/rest/api/cosmos-db/offers
"""

from __future__ import annotations

import base64
import json
import struct
import time
from collections.abc import Mapping
from typing import Any

from .errors import bad_request, not_found
from .store import Store

_LOWEST, _STEP = 400, 100
_LOWEST_SCALED, _STEP_SCALED = 1000, 1000
_THROUGHPUT, _AUTOPILOT = "x-ms-offer-throughput", "x-ms-cosmos-offer-autopilot-settings"


class Offers:
    """The offers of an account; each is kept under the resource id of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def settings(self, headers: Mapping[str, str]) -> dict[str, Any] | None:
        """Returns the content of the offer that a request asks for, None where it asks for none."""
        if _AUTOPILOT in headers and _THROUGHPUT in headers:
            raise bad_request("Throughput is either fixed or scaled on demand, not both.")
        if _AUTOPILOT in headers:
            try:
                return _scaled(json.loads(headers[_AUTOPILOT]))
            except ValueError:
                raise bad_request("The autoscale settings of the offer are invalid.") from None
        return _fixed(headers[_THROUGHPUT]) if _THROUGHPUT in headers else None

    def give(self, resource: dict[str, Any], content: dict[str, Any]) -> None:
        """Gives a new database or container its throughput."""
        number = self._store.new_key("offer")
        rid = base64.b64encode(struct.pack("<I", number)[:3], b"+-").decode()
        self._put(rid, resource["_self"], resource["_rid"], content)

    def default(self, database: dict[str, Any]) -> dict[str, Any] | None:
        """Returns the content of a container's offer where none was asked for, None where it shares the database's."""
        return None if self.of(database) else _fixed(str(_LOWEST))

    def of(self, resource: dict[str, Any]) -> dict[str, Any] | None:
        """Returns the offer of a resource."""
        return next(
            (offer for offer in self._store.offers.values() if offer["resource"] == resource["_self"]), None
        )

    def all(self) -> list[dict[str, Any]]:
        """Returns every offer."""
        return list(self._store.offers.values())

    def read(self, rid: str) -> dict[str, Any]:
        """Returns one offer."""
        found = self._store.offers.get(rid)
        if found is None:
            raise not_found()
        return found

    def replace(self, rid: str, body: Any) -> dict[str, Any]:
        """Changes the throughput; it is in force at once."""
        old = self.read(rid)
        content = body.get("content") if isinstance(body, dict) else None
        if not isinstance(content, dict):
            raise bad_request("The offer has no content.")
        scaled = content.get("offerAutopilotSettings")
        new = _scaled(scaled) if scaled else _fixed(str(content.get("offerThroughput")))
        return self._put(rid, old["resource"], old["offerResourceId"], new)

    def _put(self, rid: str, resource: str, resource_id: str, content: dict[str, Any]) -> dict[str, Any]:
        now = time.time()
        offer = {
            "resource": resource, "offerType": "Invalid", "offerResourceId": resource_id, "offerVersion": "V2",
            "content": content, "id": rid, "_rid": rid, "_self": f"offers/{rid}/", "_ts": int(now),
            "_etag": f'"{int(now * 1e6) & 0xFFFFFFFF:08x}-0000-0100-0000-{int(now):08x}0000"',
        }  # fmt: skip
        self._store.put_offer(rid, offer)
        return offer


def _fixed(text: str) -> dict[str, Any]:
    if not text.isdecimal() or int(text) < _LOWEST or int(text) % _STEP:
        raise bad_request(
            f"The offer should have valid throughput values: at least {_LOWEST} and in increments of {_STEP}."
        )
    return {"offerThroughput": int(text), "offerIsRUPerMinuteThroughputEnabled": False, **_minimum(_LOWEST)}


def _scaled(settings: Any) -> dict[str, Any]:
    most = settings.get("maxThroughput") if isinstance(settings, dict) else None
    if isinstance(most, int) and most < _LOWEST_SCALED:
        raise bad_request(
            f"Requested throughput {most} is less than required minimum throughput {_LOWEST_SCALED}."
        )
    if not isinstance(most, int) or most % _STEP_SCALED:
        raise bad_request(f"The maximum of an autoscale offer is a number in increments of {_STEP_SCALED}.")
    step = ((settings.get("autoUpgradePolicy") or {}).get("throughputPolicy") or {}).get(
        "incrementPercent", 0
    )
    policy = {"throughputPolicy": {"incrementPercent": step}}
    return {
        "offerThroughput": most // 10, "offerIsRUPerMinuteThroughputEnabled": False, **_minimum(most // 10),
        "offerAutopilotSettings": {"tier": 0, "maximumTierThroughput": most, "autoUpgrade": False,
                                   "maxThroughput": most, "autoUpgradePolicy": policy},
    }  # fmt: skip


def _minimum(units: int) -> dict[str, Any]:
    return {
        "offerMinimumThroughputParameters": {
            "maxThroughputEverProvisioned": units,
            "maxConsumedStorageEverInKB": 0,
        }
    }
