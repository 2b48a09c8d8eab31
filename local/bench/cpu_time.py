"""Processor time of a process and all it started, from Linux's /proc: what a run cost, whatever else the machine did.

https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
# Fields 4 and 14 to 17 of the man page: parent, user and system time, and that of children that ended.
_PARENT: Final = 1
_TIMES: Final = slice(11, 15)


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
