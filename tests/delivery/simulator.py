"""A seeded simulation of one partition: a host that redelivers, forgets and runs two owners, over stores that fail.

The handler is the product's own. The oracle shares nothing with it: it reads the lake's files and the items as they are,
and knows what was sent.
"""

from __future__ import annotations

import gzip
import hashlib
import json as stdlib_json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapters.memory.faults import Failure
from shared.domain.ingest.stream_record import StreamRecord
from shared.domain.records import body_of
from shared.errors import Busy, Unavailable
from shared.names import HUB_CLINICAL_EVENTS
from tests.delivery.world import Killed, Stores, World, observation

HUB = HUB_CLINICAL_EVENTS
EVENTS = 24
RESOURCES = 4
FAILURES = 0.07
Receive = Callable[[str, str, Sequence[StreamRecord]], object]
Design = Callable[[World], Receive]


def as_designed(world: World) -> Receive:
    """The product."""
    return world.stream_door.receive


class Owner:
    """One process that believes it owns the partition."""

    def __init__(self, simulation: Simulation, position: int) -> None:
        self.position = position
        self.world = World(simulation.stores, seed=simulation.chance.getrandbits(32))
        self.receive = simulation.design(self.world)
        self.world.script.plan = simulation.plan


class Simulation:
    """One seed: `run` and then `violations`."""

    def __init__(self, seed: int, design: Design = as_designed) -> None:
        self.chance = random.Random(seed)
        self.design = design
        self.stores = Stores()
        self.checkpoint = 0
        self.failing = True
        self.nested = False
        self.working: Owner | None = None
        self.bad: set[int] = set()
        self.sent: dict[str, dict[int, int]] = {}
        self.log = self._events()
        self.owners = [Owner(self, 0)]

    def _events(self) -> list[StreamRecord]:
        """Versions of a few resources, out of order, some sent again, some not JSON."""
        made: list[bytes] = []
        base = datetime(2026, 3, 1, tzinfo=UTC)
        for number in range(EVENTS):
            name, version = f"r{self.chance.randrange(RESOURCES)}", self.chance.randrange(1_000)
            resource = observation("Patient/p", name, value=version)
            resource["meta"] = {"lastUpdated": (base + timedelta(minutes=version)).isoformat()}
            if self.chance.random() < 0.06:
                made.append(b"{not json %d" % number)
                self.bad.add(number)
            elif made and number - 1 not in self.bad and self.chance.random() < 0.1:
                made.append(made[-1])
            else:
                made.append(stdlib_json.dumps(resource).encode())
            if number not in self.bad:
                sent = stdlib_json.loads(made[number])
                value = sent["valueQuantity"]["value"]
                self.sent.setdefault(sent["id"], {})[number] = value
        at = datetime(2026, 3, 20, tzinfo=UTC)
        return [StreamRecord(body, number, at) for number, body in enumerate(made)]

    def plan(self, _name: str, writes: bool) -> Failure | None:
        """What befalls a store call; now and then another owner works in the middle of it."""
        if not self.failing:
            return None
        others = [owner for owner in self.owners if owner is not self.working]
        if not self.nested and others and self.chance.random() < 0.05:
            self.nested = True
            self.deliver(self.chance.choice(others))
            self.nested = False
        roll = self.chance.random()
        if roll > FAILURES:
            return None
        kind = self.chance.randrange(5)
        if kind == 0:
            return Failure(Busy())
        if kind == 1:
            return Failure(Killed(), applied=writes and self.chance.random() < 0.5)
        return Failure(Unavailable(), applied=writes and kind > 2)

    def run(self) -> Simulation:
        """Until an owner has come to the end and a last, undisturbed one has taken what the checkpoint leaves."""
        for _ in range(400):
            if self.owners[0].position >= EVENTS and self.chance.random() < 0.3:
                break
            self.disturb()
            self.deliver(self.chance.choice(self.owners))
        self.failing = False
        last = Owner(self, self.checkpoint)
        self.owners = [last]
        for _ in range(EVENTS):
            if last.position < EVENTS:
                self.deliver(last)
        return self

    def disturb(self) -> None:
        """Rebalances and forgotten checkpoints."""
        roll = self.chance.random()
        if roll < 0.06 and len(self.owners) < 3:
            self.owners.append(Owner(self, self.checkpoint))
        elif roll < 0.09 and len(self.owners) > 1:
            self.owners.pop(0)
        elif roll < 0.12:
            self.checkpoint = self.chance.randint(0, self.checkpoint)
            self.owners[0].position = self.checkpoint
        self.stores.clock.advance(1)

    def deliver(self, owner: Owner) -> None:
        """One batch, with what the host makes of its outcome: only Busy and Unavailable hold the checkpoint."""
        batch = self.log[owner.position : owner.position + self.chance.randint(1, 7)]
        if not batch:
            return
        if not self.nested:
            self.working = owner
        try:
            owner.receive(HUB, "0", batch)
        except (Busy, Unavailable):
            return
        except Killed:
            if owner in self.owners:
                self.owners[self.owners.index(owner)] = Owner(self, self.checkpoint)
            return
        except Exception:  # noqa: BLE001 - whatever it was, the host moves on
            pass
        owner.position = batch[-1].sequence + 1
        self.checkpoint = owner.position

    # the oracle

    def violations(self) -> list[str]:
        """Everything that was lost, doubled, stale or torn."""
        return [*self._lake(), *self._records(), *self._dead_letters()]

    def _lake(self) -> list[str]:
        found = []
        lines: Counter[int] = Counter()
        chain, expected = "0" * 64, 0
        for file in sorted(self.stores.lake.list("raw"), key=lambda file: file.path):
            name = file.path.rpartition("/")[2]
            if name == "_head":
                continue
            if name != f"{expected:020d}.ndjson.gz":
                found.append("a file outside the chain")
            try:
                rows = [
                    stdlib_json.loads(row)
                    for row in gzip.decompress(self.stores.lake.read(file.path)).splitlines()
                ]
            except (OSError, EOFError, ValueError):
                rows = []
            if not rows:
                found.append("an empty or torn file under a final name")
                continue
            for row in rows:
                lines[row["sequence"]] += 1
                body = row["body"].encode()
                if body != self.log[row["sequence"]].body:
                    found.append("other bytes than were sent")
                chain = hashlib.sha256(f"{chain}{hashlib.sha256(body).hexdigest()}".encode()).hexdigest()
            if file.metadata.get("chain") != chain:
                found.append("a chain that does not continue")
            expected = rows[-1]["sequence"] + 1
        found += [f"lost: event {n} is not in the lake" for n in range(EVENTS) if not lines[n]]
        found += [f"doubled: event {n} is in the lake {lines[n]} times" for n in lines if lines[n] > 1]
        return found

    def _records(self) -> list[str]:
        found = []
        versions: dict[str, list[tuple[str, float]]] = {}
        for item in self.stores.records.every():
            if item["kind"] in ("current", "history"):
                value = stdlib_json.loads(body_of(item))["valueQuantity"]["value"]
                versions.setdefault(item["rid"], []).append((item["kind"], value))
        if len(versions) != len(self.sent):
            found.append("lost or doubled: another number of resources than was sent")
        shown = Counter(
            (kinds.count("current"), tuple(sorted(values)), current)
            for kinds, values, current in map(_summary, versions.values())
        )
        wanted = Counter(
            (1, tuple(sorted(versions.values())), max(versions.values())) for versions in self.sent.values()
        )
        if shown != wanted:
            found.append(
                "lost, doubled or stale: the versions on record are not those sent, or not the newest shown"
            )
        return found

    def _dead_letters(self) -> list[str]:
        letters = [
            stdlib_json.loads(self.stores.lake.read(file.path))
            for file in self.stores.lake.list("quarantine")
        ]
        if len(letters) != len(self.bad):
            return [f"{len(letters)} dead letters for {len(self.bad)} bad events"]
        return []


def _summary(versions: list[tuple[str, float]]) -> tuple[list[str], list[float], Any]:
    kinds = [kind for kind, _ in versions]
    current = next((value for kind, value in versions if kind == "current"), None)
    return kinds, [value for _, value in versions], current
