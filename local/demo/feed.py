"""Feeds the sample through all three doors and prints what came of it, per door."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from local import exits
from local.delivery.account import Account
from local.delivery.aftermath import alerts_since, settle
from local.delivery.deliver import Delivery
from local.delivery.show import print_accounts, progress
from local.delivery.sources import Document, documents
from local.delivery.target import Target, target_of
from local.demo import vitals
from local.environment import say
from local.keys import TENANT
from local.run_state import RunState

PATIENTS: Final = Path(__file__).with_name("patients.tar.xz")
_DOORS: Final = ("http", "file", "stream")


def run(state: RunState) -> int:
    """0 where every resource of the sample is recorded and the patient who deteriorates has raised an alert."""
    say("feeding the sample: 15 Synthea patients and one stream of vital signs, through all three doors")
    target = target_of(state, TENANT)
    accounts = []
    for door in _DOORS:
        with progress(door) as report:
            delivery = Delivery(target, door, report)
            account = delivery.run(delivery.ready(_for_door(door, target)))
        settle(target, account, delivery.started_at)
        accounts.append(account)
        if door == "stream":
            _tell(alerts_since(target, delivery.started_at))
    print_accounts(accounts)
    return exits.OK if _complete(accounts) else exits.FINDING


def sample_for(door: str) -> list[Document]:
    """A third of the patients, other ones for each door; the one who deteriorates comes by the stream.

    By file one of them comes as a bundle document, the others as the lines of one NDJSON file, gzipped.
    """
    bundles = sorted(
        documents([PATIENTS]), key=lambda each: (vitals.bundle_name() not in each.name, each.name)
    )
    mine = bundles[(_DOORS.index(door) + 1) % len(_DOORS) :: len(_DOORS)]
    if door != "file":
        return mine
    one_line = [Document(each.name, each.body, str(PATIENTS)) for each in mine[1:]]
    return [mine[0], *one_line]


def _for_door(door: str, target: Target) -> Iterator[Document]:
    yield from sample_for(door)
    if door == "stream":
        for number, reading in enumerate(vitals.readings(target.services.clock.now()), 1):
            yield Document(f"deterioration.json:{number}", reading)


def _tell(alerts: Sequence[dict[str, Any]]) -> None:
    for alert in alerts:
        points = alert.get("escalated_total", alert["total"])
        name = f"{alert['severity']}: {alert['model'].upper()} {points}"
        say(f"alert {name}, {alert['status']} (GET /alerts shows its points and the reading that raised it)")


def _complete(accounts: Sequence[Account]) -> bool:
    return all(account.settled for account in accounts) and any(account.alerts for account in accounts)
