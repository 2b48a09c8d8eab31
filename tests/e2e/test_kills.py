"""Everything that was acknowledged survives: parts of the platform are killed at seeded moments while all doors send.

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
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.manifest import Manifest
from tests.e2e.patients import Bundle, bundles
from tests.e2e.platform import EMULATORS, WORKERS, Platform, running_platform
from tests.e2e.senders import send_by_file, send_by_http, send_by_stream, send_readings
from tests.patience import PATIENCE_S

RESOURCES = int(os.environ.get("GALEN_KILL_RESOURCES", "10000"))
KILLS = int(os.environ.get("GALEN_KILLS", "10"))
SEED = int(os.environ.get("GALEN_KILL_SEED", "7"))
VERIFIER = Path(__file__).parent / "verifier"


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
    """Bundles with about so many resources; one after another as often as the archive has them."""
    chosen, count = [], 0
    for bundle in bundles():
        chosen.append(bundle)
        count += len(bundle["entry"])
        if count >= resources:
            break
    return chosen


def _kill_in_turn(platform: Platform, progress: Progress, log: list[str]) -> None:
    chance = random.Random(SEED)
    moments = sorted(chance.uniform(0.02, 0.95) for _ in range(KILLS))
    victims = [(*EMULATORS, *WORKERS)[number % 6] for number in range(KILLS)]
    chance.shuffle(victims)
    for moment, victim in zip(moments, victims, strict=True):
        progress.wait_for(moment)
        time.sleep(chance.uniform(0, 0.7))
        platform.kill(victim)
        log.append(f"{victim} at {moment:.2f}")


@pytest.mark.slow
@pytest.mark.timeout(1800)
# A connection that a kill broke is left to the collector by the SDK.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nothing_is_lost_doubled_or_stale_while_parts_are_killed(tmp_path: Path) -> None:
    chosen = _enough(RESOURCES)
    with running_platform(tmp_path / "data") as platform:
        manifest = Manifest(platform.url, platform.token(), str(platform.data / "lake"))
        progress, log = Progress(sum(len(bundle["entry"]) for bundle in chosen)), list[str]()
        killer = threading.Thread(target=_kill_in_turn, args=(platform, progress, log))
        killer.start()
        started = time.monotonic()
        jobs: list[Callable[[], None]] = [
            lambda: send_by_http(platform, manifest, chosen[0::3], progress.advance),
            lambda: send_by_stream(platform, manifest, chosen[1::3], progress.advance),
            lambda: send_by_file(platform, manifest, chosen[2::3], progress.advance),
            lambda: send_readings(platform, manifest, SEED, lambda _: None),
        ]
        try:
            with ThreadPoolExecutor(len(jobs)) as pool:
                for job in [pool.submit(each) for each in jobs]:
                    job.result()
        finally:
            progress.end()
            killer.join()
        sent_s = time.monotonic() - started
        manifest.save(tmp_path / "manifest.json")
        verdict = _verify(tmp_path / "manifest.json")
        _prove_that_it_would_have_been_seen(tmp_path / "manifest.json")
        print(json.dumps({"killed": log, "sent_s": round(sent_s, 1), **json.loads(verdict.stdout)}, indent=1))
        assert len(log) == KILLS
        assert verdict.returncode == 0, verdict.stdout + verdict.stderr
        rebuilt = platform.command("rebuild", "--check")
        print(rebuilt.stderr[-300:])
        assert rebuilt.returncode == 0, rebuilt.stdout[-3000:] + rebuilt.stderr[-1000:]


def _verify(manifest: Path, *settle_within_s: str) -> subprocess.CompletedProcess[str]:
    """Runs the verifier, which is given nothing but the manifest."""
    command = [sys.executable, "-I", str(VERIFIER), str(manifest), *settle_within_s]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=3 * PATIENCE_S)


def _prove_that_it_would_have_been_seen(manifest: Path) -> None:
    """A verifier that finds nothing in anything proves nothing: here it is told what did not happen."""
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
    verdict = _verify(changed, "0")
    assert verdict.returncode == 1
    found = " ".join(json.loads(verdict.stdout)["first"])
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
