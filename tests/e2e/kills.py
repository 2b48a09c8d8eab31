"""The proof D1: everything that was acknowledged survives, while parts of the platform are killed at seeded moments and all
doors send.

GALEN_KILL_RESOURCES, GALEN_KILLS and GALEN_KILL_SEED make a larger or another run.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.manifest import Manifest
from tests.e2e.patients import Bundle, bundles
from tests.e2e.platform import Platform
from tests.e2e.senders import send_by_file, send_by_http, send_by_stream, send_readings
from tests.patience import PATIENCE_S

DOORS, FEW = 3, 15
VERIFIER = Path(__file__).parent / "verifier"


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of it."""

    resources: int
    kills: int
    seed: int

    @classmethod
    def chosen(cls, resources: int, kills: int) -> Amount:
        """What the environment says, else what is given."""
        return cls(
            int(os.environ.get("GALEN_KILL_RESOURCES", resources)),
            int(os.environ.get("GALEN_KILLS", kills)),
            int(os.environ.get("GALEN_KILL_SEED", "7")),
        )

    @property
    def ill(self) -> int:
        """Patients who become ill meanwhile."""
        return min(12, max(2, self.resources // 100))


class Progress:
    """How many resources were acknowledged, and the kills that wait for that."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._done = 0
        self._changed = threading.Condition()
        self.ended = False

    def advance(self, number: int) -> None:
        with self._changed:
            self._done += number
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def wait_for(self, fraction: float) -> bool:
        """Whether so much was sent; False once sending has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self.ended or self._done >= fraction * self._expected)
            return not self.ended


def _enough(resources: int) -> list[Bundle]:
    """Bundles with so many resources, at least one for each door; one after another as the archive has them."""
    smallest = sorted(bundles(FEW), key=lambda bundle: len(bundle["entry"]))[:DOORS]
    if sum(len(bundle["entry"]) for bundle in smallest) >= resources:
        return smallest
    chosen, count = [], 0
    for bundle in bundles():
        chosen.append(bundle)
        count += len(bundle["entry"])
        if count >= resources:
            break
    return chosen


def _kill_in_turn(
    platform: Platform, parts: Sequence[str], amount: Amount, progress: Progress, log: list[str]
) -> None:
    chance = random.Random(amount.seed)
    moments = sorted(chance.uniform(0.02, 0.95) for _ in range(amount.kills))
    victims = [parts[number % len(parts)] for number in range(amount.kills)]
    chance.shuffle(victims)
    for moment, victim in zip(moments, victims, strict=True):
        progress.wait_for(moment)
        time.sleep(chance.uniform(0, 0.7))
        platform.kill(victim)
        log.append(f"{victim} at {moment:.2f}")


def send_while_parts_are_killed(
    platform: Platform, manifest: Manifest, parts: Sequence[str], amount: Amount
) -> list[str]:
    """Sends by every door until all is acknowledged; what was killed, and when."""
    chosen = _enough(amount.resources)
    progress, log = Progress(sum(len(bundle["entry"]) for bundle in chosen)), list[str]()
    killer = threading.Thread(target=_kill_in_turn, args=(platform, parts, amount, progress, log))
    killer.start()
    jobs: list[Callable[[], None]] = [
        lambda: send_by_http(platform, manifest, chosen[0::DOORS], progress.advance),
        lambda: send_by_stream(platform, manifest, chosen[1::DOORS], progress.advance),
        lambda: send_by_file(platform, manifest, chosen[2::DOORS], progress.advance),
        lambda: send_readings(platform, manifest, amount.seed, amount.ill),
    ]
    try:
        with ThreadPoolExecutor(len(jobs)) as pool:
            for job in [pool.submit(each) for each in jobs]:
                job.result()
    finally:
        progress.end()
        killer.join()
    assert len(log) == amount.kills
    return log


def prove(
    platform: Platform,
    manifest: Manifest,
    parts: Sequence[str],
    amount: Amount,
    folder: Path,
    *,
    is_proved: bool = True,
) -> None:
    """Nothing lost, doubled or stale, by the verifier's word; and all that raw says is what is live.

    `is_proved`: whether the verifier is told what did not happen, too, and must say so.
    """
    started = time.monotonic()
    log = send_while_parts_are_killed(platform, manifest, parts, amount)
    sent_s = time.monotonic() - started
    told = folder / "manifest.json"
    manifest.save(told)
    verdict = verify(told, *([_told_what_did_not_happen(told)] if is_proved else []))
    assert verdict.stdout, verdict.stderr
    reports = [json.loads(line) for line in verdict.stdout.splitlines()]
    print(json.dumps({"killed": log, "sent_s": round(sent_s, 1), **reports[0]}, indent=1))
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    if is_proved:
        _prove_that_it_would_have_been_seen(reports[1]["first"])
    rebuilt = platform.command("rebuild", "--check")
    print(rebuilt.stderr[-300:])
    assert rebuilt.returncode == 0, rebuilt.stdout[-3000:] + rebuilt.stderr[-1000:]


def verify(*manifests: Path) -> subprocess.CompletedProcess[str]:
    """Runs the verifier, which is given nothing but what was sent."""
    command = [sys.executable, "-I", str(VERIFIER), *map(str, manifests)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=3 * PATIENCE_S)


def _told_what_did_not_happen(manifest: Path) -> Path:
    """A manifest that is wrong in every way: a verifier that finds nothing in anything proves nothing."""
    told = json.loads(manifest.read_text("utf-8"))
    serials = [serial for serial, sent in told["resources"].items() if not sent["shared"]]
    told["resources"]["never:Patient/1"] = {**told["resources"][serials[0]]}
    told["resources"][serials[1]]["versions"].append("0" * 64)
    told["resources"][serials[2]]["versions"] = ["0" * 64]
    del told["resources"][serials[3]]
    told["events"]["0" * 64] = 1
    told["file_lines"]["1" * 64] = 1
    told["readings"].append("never|8867-4|2024-01-01T00:00:00Z")
    told["ill"].append("never")
    changed = manifest.with_name("told.json")
    changed.write_text(json.dumps(told), "utf-8")
    return changed


def _prove_that_it_would_have_been_seen(findings: list[str]) -> None:
    found = " ".join(findings)
    for kind in (
        "lost",
        "stale",
        "altered",
        "never sent",
        "event not landed",
        "line of a file",
        "reading lost",
        "ill",
    ):
        assert kind in found, f"the verifier did not see: {kind}\n{found}"
