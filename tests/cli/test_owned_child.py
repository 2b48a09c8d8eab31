"""What `local` starts to make its environment ends with it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from local.layout import CHECKOUT

_GRANDCHILD = "import time; print('ready', flush=True); time.sleep(600)"
_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_GRANDCHILD!r}])"
_PARENT = f"""
import sys
from local.owned_child import owned_child

with owned_child([sys.executable, "-c", {_CHILD!r}]) as process:
    process.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_child_and_what_it_started(number: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    parent.send_signal(number)
    # The pipes end when the last process that holds them is gone.
    parent.communicate(timeout=60)
    assert parent.returncode == (143 if number == signal.SIGTERM else -signal.SIGINT)


def test_a_child_that_ends_by_itself_tells_its_code() -> None:
    script = (
        "import sys; from local.owned_child import owned_child\n"
        "with owned_child([sys.executable, '-c', 'raise SystemExit(3)']) as process: pass\n"
        "sys.exit(process.returncode)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, check=False).returncode == 3
