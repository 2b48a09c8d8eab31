"""`local generate` refuses what it cannot do, and ends well where it is told to stop."""

from __future__ import annotations

import os
import signal

import pytest

from local.cli.generate import stopped_by_signals
from local.cli.main import main
from local.exits import CommandStopped
from tests.patience import PATIENCE_S


@pytest.mark.parametrize(
    "arguments",
    [
        ["reports", "--rate", "1"],
        ["vitals"],
        ["vitals", "--rate", "0"],
        ["vitals", "--rate", "fast"],
        ["vitals", "--rate", "nan"],
        ["vitals", "--rate", "1", "--for", "soon"],
        ["vitals", "--rate", "1", "--for", "0"],
        ["vitals", "--rate", "1", "--seed", "-1"],
        ["vitals", "--rate", "1", "--patients", "0"],
        ["safety-reports", "--rate", "1", "--broken", "1"],
        ["safety-reports", "--rate", "1", "--repeated", "half"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_two_and_a_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["generate", *arguments])
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "said"), [("vitals", "is for safety-reports"), ("safety-reports", "there is no")]
)
def test_files_are_for_reports_and_have_to_be_there(kind: str, said: str) -> None:
    with pytest.raises(CommandStopped, match=said) as stopped:
        main(["generate", kind, "--rate", "1", "--from", "/nowhere/reports.json"])
    assert stopped.value.exit_code == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_stop_and_the_second_one_what_it_always_was(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stopped_by_signals() as stop:
        os.kill(os.getpid(), number)
        assert stop.wait(PATIENCE_S)
        assert signal.getsignal(number) == before
    assert signal.getsignal(number) == before
