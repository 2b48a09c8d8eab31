"""What `up` prints once the platform serves: how other programs reach the emulators of its cloud."""

from __future__ import annotations

import pytest

from local.banner import print_banner
from local.run_state import RunState


def _printed(settings: dict[str, str], capsys: pytest.CaptureFixture[str]) -> str:
    state = RunState("r", 1, "d", 7071, "http://127.0.0.1:7071", "serving", "2026-01-31T08:00:00Z", settings)
    print_banner(state, [])
    return capsys.readouterr().out


def test_on_azure_the_connection_strings_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"GALEN_LAKE": "AccountName=a;AccountKey=b", "GALEN_URL": "http://127.0.0.1:7071"}
    shown = _printed(settings, capsys)
    assert "Connection strings:\n  GALEN_LAKE: AccountName=a;AccountKey=b\n" in shown
    assert "GALEN_URL:" not in shown


def test_on_aws_what_its_tools_read_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"AWS_ENDPOINT_URL": "http://127.0.0.1:5000", "GALEN_TABLE": "records", "GALEN_LINK_KEY": "k"}
    shown = _printed(settings, capsys)
    assert "  AWS_ENDPOINT_URL: http://127.0.0.1:5000\n  GALEN_TABLE: records\n" in shown
    assert "GALEN_LINK_KEY" not in shown
