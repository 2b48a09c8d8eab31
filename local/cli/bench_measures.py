"""`local bench surveillance`, `lakehouse`, `queries` and `emulators`."""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from local import exits
from local.bench.figures import machine
from local.layout import CHECKOUT
from shared.names import TABLES

GAIN_GOAL: Final = 0.4
"""The share of time that Z-order and materialised gold must save."""


def run_surveillance(args: argparse.Namespace) -> int:
    """Prints what each method finds of injected outbreaks."""
    from local.bench.surveillance import run, table

    results = run(series=args.series)
    print(json.dumps([asdict(each) for each in results]) if args.format == "json" else table(results))
    return exits.OK


def run_lakehouse(args: argparse.Namespace) -> int:
    """Runs the bench in a process with Spark's environment, then prints its figures."""
    from local.environment import say
    from local.spark_environment import prepare

    if not all(part.isdigit() and int(part) for part in args.multiples.split(",")):
        raise exits.CommandStopped("--multiples takes whole numbers, such as 1,4,16", exits.USAGE)
    runtime = prepare(say=say)
    command = [sys.executable, "-m", "local.bench.lakehouse_run", "--patients", str(args.patients)]
    done = subprocess.run(
        [*command, "--multiples", args.multiples],
        cwd=CHECKOUT,
        env=runtime.variables(),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise exits.CommandStopped("the bench ended early: its last lines say why", exits.NOT_RUNNING)
    found = json.loads(done.stdout.splitlines()[-1])
    print(json.dumps(found) if args.format == "json" else _figures(found))
    return exits.OK


def run_emulators(args: argparse.Namespace) -> int:
    """Prints what the emulators do by themselves; 1 where a figure is not what it is to be."""
    from local.bench.emulators import AT_MOST, GOALS, measure_emulators

    measured = measure_emulators(args.events, args.items, args.files)
    verdict = exits.FINDING if measured.missed else exits.OK
    if args.format == "json":
        print(json.dumps({"machine": machine(), **measured.as_json()}))
        return verdict
    from rich.table import Table

    from local.delivery.show import console

    table = Table("figure", "measured", "goal", "", "emulator's processor time each")
    for name, figure in measured.figures.items():
        sign, taken = "≤" if name in AT_MOST else "≥", measured.processor_us.get(name)
        verdict_shown = "missed" if name in measured.missed else ""
        cost = f"{taken:,.0f} µs" if taken else ""
        table.add_row(name, f"{figure:,}", f"{sign} {GOALS[name]:,}", verdict_shown, cost)
    out = console()
    out.print(table)
    out.print(f"on {machine()}, the SDKs' clients on it too: two at a time")
    return verdict


def run_queries(args: argparse.Namespace) -> int:
    """1 where Z-order or gold gains less than its goal, or where there is no gold to ask."""
    from local.environment import say
    from local.spark_environment import lake_root

    if importlib.util.find_spec("duckdb") is None or importlib.util.find_spec("deltalake") is None:
        raise exits.CommandStopped(
            "the queries need the group lake: `python3 -m local query` installs it", exits.NOT_RUNNING
        )
    from local.bench.lake_queries import measure

    lake = lake_root(args.data)
    if not (lake / TABLES["gold_encounters_per_condition_and_age"]).is_dir():
        say(f"no gold tables below {lake} yet: run `python3 -m local spark all`")
        return exits.FINDING
    with tempfile.TemporaryDirectory() as folder:
        found = measure(lake, Path(folder), args.copies)
    slow, fast = list(found.values())[::2], list(found.values())[1::2]
    gains = [1 - after / before for before, after in zip(slow, fast, strict=True)]
    if args.format == "json":
        print(json.dumps({"ms": found, "gains": gains}))
    else:
        print("\n".join(f"{name:30}{ms:9.1f} ms" for name, ms in found.items()))
        print(f"less time by Z-order {gains[0]:.0%}, by gold {gains[1]:.0%}; the goal is {GAIN_GOAL:.0%}")
    return exits.OK if min(gains) >= GAIN_GOAL else exits.FINDING


def _figures(found: dict[str, Any]) -> str:
    from local.bench.lakehouse import PHASES

    columns = ("patients", "resources", *(f"{phase} s" for phase in PHASES), "to Delta/s", "all/s", "cpu s")
    lines = [f"{'run':12}" + "".join(f"{name:>11}" for name in columns) + "   of the full run"]
    full: dict[str, Any] = {}
    for run in found["runs"]:
        seconds = run["seconds"]
        counts = f"{run['patients']:11}{run['resources']:11,}"
        phases = "".join(f"{seconds[phase]:11.1f}" for phase in PHASES)
        to_delta, rate = (run["resources"] / each for each in (_to_delta_s(run), _all_s(run)))
        line = f"{run['what']:12}{counts}{phases}{to_delta:11.0f}{rate:11.0f}{_cpu_s(run):11.1f}"
        if run["what"].startswith(f"{full.get('what')} "):
            line += f"   {_all_s(run) / _all_s(full):.0%}, of its cpu {_cpu_s(run) / _cpu_s(full):.0%}"
        else:
            full = run
        lines.append(line)
    return "\n".join([*lines, f"to Delta: bronze and silver; on {machine()}"])


def _to_delta_s(run: dict[str, Any]) -> float:
    return float(run["seconds"]["bronze"] + run["seconds"]["silver"])


def _all_s(run: dict[str, Any]) -> float:
    return float(sum(run["seconds"].values()))


def _cpu_s(run: dict[str, Any]) -> float:
    return float(sum(run["cpu_s"].values()))
