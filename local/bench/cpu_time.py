"""Processor time of a process and all it started, from Linux's /proc: what a run cost, whatever else the machine did.

https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
# Fields 4 and 14 to 17 of the man page: parent, user and system time, and that of children that ended.
_PARENT: Final = 1
_TIMES: Final = slice(11, 15)
_OWN_TIMES: Final = slice(11, 13)


def cpu_time_s(root: int | None = None) -> float:
    """Seconds of processor time of the process (by default this one) and its descendants; 0 where there is no /proc."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    used: dict[int, int] = {}
    for path in _PROC.glob("[0-9]*/stat"):
        try:
            fields = path.read_text("utf-8").rpartition(")")[2].split()
        except OSError:  # it has ended since it was listed
            continue
        pid = int(path.parent.name)
        children[int(fields[_PARENT])].append(pid)
        used[pid] = sum(map(int, fields[_TIMES]))
    waiting, ticks = [root or os.getpid()], 0
    while waiting:
        pid = waiting.pop()
        ticks += used.get(pid, 0)
        waiting += children[pid]
    return ticks / os.sysconf("SC_CLK_TCK")


def times_of_s(pids: Mapping[str, int]) -> dict[str, float]:
    """Seconds of processor time of each of these processes alone, and of this one; cheap enough to ask often."""
    return {"generator": time.process_time(), **{name: _own_s(pid) for name, pid in pids.items()}}


def _own_s(pid: int) -> float:
    try:
        fields = (_PROC / f"{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[_OWN_TIMES])) / os.sysconf("SC_CLK_TCK")


def each_ms(before: Mapping[str, float], after: Mapping[str, float], count: int) -> dict[str, float]:
    """Milliseconds of one of `count` between two answers of `times_of_s`, by process and in all."""
    used = {name: (after[name] - at) * 1000 / max(count, 1) for name, at in before.items() if name in after}
    return {name: round(each, 2) for name, each in {**used, "all": sum(used.values())}.items()}


def told(figures: Mapping[str, float]) -> str:
    """Such milliseconds as words."""
    return ", ".join(f"{name} {each:.2f}" for name, each in figures.items())
