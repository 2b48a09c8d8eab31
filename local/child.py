"""Runs a module as a child of the supervisor that does not outlive it: `python -m local.child PARENT MODULE ARG…`."""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys
import threading
import time

from local.process_start import start_lean

_PR_SET_PDEATHSIG = 1
_WATCH_EVERY_S = 1.0


def end_with(parent: int) -> None:
    """Arranges that this process is killed when `parent` ends, however that happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_EVERY_S)
    os._exit(1)


if __name__ == "__main__":
    end_with(int(sys.argv[1]))
    start_lean()
    module = sys.argv[2]
    sys.argv = sys.argv[2:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
