"""What the platform made of generated events: all of them landed, some set aside, alerts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from local.delivery.aftermath import alerts_since
from local.delivery.target import Target
from local.generate.pace import Sending
from shared import names
from shared.domain.ingest.chain import hub_chain

PATIENCE_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """`waiting`: events of the hub that were not landed when patience ended. `alerts` is None where none can follow."""

    hub: str
    asked_per_s: float
    sending: Sending
    seed: int
    waiting: int
    set_aside: int
    alerts: int | None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "hub": self.hub,
            "seed": self.seed,
            "asked_per_s": self.asked_per_s,
            "sent": self.sending.sent,
            "bytes": self.sending.sent_bytes,
            "seconds": round(self.sending.seconds, 3),
            "sent_per_s": round(self.sending.rate, 1),
            "not_landed": self.waiting,
            "set_aside": self.set_aside,
            **({} if self.alerts is None else {"alerts": self.alerts}),
        }


def outcome(target: Target, hub: str, sending: Sending, *, since: str, seed: int, asked: float) -> Outcome:
    """Wait until everything in the hub is landed, or patience ends, and count what came of it."""
    until = time.monotonic() + PATIENCE_S
    while (waiting := _not_landed(target, hub)) and time.monotonic() < until:
        time.sleep(_LOOK_EVERY_S)
    vitals = hub == names.HUB_VITAL_SIGNS
    alerts = len(alerts_since(target, since)) if vitals else None
    return Outcome(hub, asked, sending, seed, waiting, _set_aside(target, hub, since), alerts)


def _not_landed(target: Target, hub: str) -> int:
    services, settings = target.services, target.settings
    positions = services.adapters.streams.positions(hub)
    zone, tenant = names.HUB_RAW_ZONE[hub], settings.tenant_of(hub)
    ends = {
        partition: services.landing.end_of(hub_chain(zone, hub, positions.generation, tenant, partition))
        for partition, last in positions.last.items()
        if last >= 0
    }
    return sum(max(0, positions.last[partition] - end) for partition, end in ends.items())


def _set_aside(target: Target, hub: str, since: str) -> int:
    folder = f"{names.Zone.RAW}/{names.HUB_RAW_ZONE[hub]}/{hub}/"
    letters = target.services.dead_letters.list(target.settings.tenant_of(hub), status=None)
    return sum(letter.at >= since and letter.raw.path.startswith(folder) for letter in letters)
