"""`local bench surveillance`, `local bench lakehouse` and `local bench emulators`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from local import exits
from local.bench.figures import machine
from local.layout import CHECKOUT


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


def _figures(found: dict[str, Any]) -> str:
    from local.bench.lakehouse import PHASES

    columns = ("patients", "resources", *(f"{phase} s" for phase in PHASES), "all/s", "cpu s")
    lines = [f"{'run':12}" + "".join(f"{name:>10}" for name in columns)]
    for run in found["runs"]:
        seconds = run["seconds"]
        counts = f"{run['patients']:10}{run['resources']:10,}"
        phases = "".join(f"{seconds[phase]:10.1f}" for phase in PHASES)
        rate, cpu_s = run["resources"] / sum(seconds.values()), sum(run["cpu_s"].values())
        lines.append(f"{run['what']:12}{counts}{phases}{rate:10.0f}{cpu_s:10.1f}")
    lines += [f"{name:34}{seconds * 1000:9.0f} ms" for name, seconds in found["queries"].items()]
    return "\n".join(lines)
