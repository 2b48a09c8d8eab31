"""`local generate` refuses what it cannot do, and ends well where it is told to stop."""

from __future__ import annotations

import os
import signal

import pytest

from local.cli.generate import stopped_by_signals
from local.cli.main import main


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_stop_and_the_second_one_what_it_always_was(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stopped_by_signals() as stop:
        os.kill(os.getpid(), number)
        assert stop.wait(5)
        assert signal.getsignal(number) == before
    assert signal.getsignal(number) == before
