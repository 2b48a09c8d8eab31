"""A data folder belongs to one emulator: the second one says so instead of damaging it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.emulators.held_folder import FolderTaken, hold
from local.emulators.served import ServedEmulators
from local.layout import CHECKOUT
from local.plan import FOLDERS
from tests.patience import PATIENCE_S


def test_a_folder_is_held_until_it_is_let_go(tmp_path: Path) -> None:
    first = hold(tmp_path, "data lake")
    with pytest.raises(FolderTaken, match="Another data lake emulator owns"):
        hold(tmp_path, "data lake")
    os.close(first)
    os.close(hold(tmp_path, "data lake"))


@pytest.mark.parametrize("name", ["cosmos", "datalake"])
def test_an_emulator_refuses_a_folder_that_another_one_serves(tmp_path: Path, name: str) -> None:
    command = [
        sys.executable,
        "-m",
        f"local.emulators.{name}",
        "--data",
        str(tmp_path / FOLDERS[name]),
        "--port",
        "0",
    ]
    with ServedEmulators(tmp_path, (name,), sync="full"):
        second = subprocess.run(
            command, cwd=CHECKOUT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    assert second.returncode == 1
    assert "stop it or use another --data" in second.stderr
