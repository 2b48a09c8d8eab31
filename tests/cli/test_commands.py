"""Every command explains itself, keeps standard output for its result, and ends with the right code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.cli.commands import COMMANDS
from local.cli.main import main
from local.data_folder import MARKER, DataFolder
from local.exits import CommandStopped, NotRunning
from local.installer import uv_settings
from local.layout import CHECKOUT
from local.plan import app_settings, chosen_ports, connection_strings, emulator_specs, new_state, worker_specs
from local.ports import free_ports, is_free
from local.processes import rotate
from local.run_state import find_platform
from shared.settings import read_settings


def run_local(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"python3 -m local {name}" in capsys.readouterr().out.partition("examples:")[2]


def test_the_list_of_commands_names_each(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["status", "--nonsense"], ["up", "--port", "70710"], ["status", "--data", "/tmp/a[1]"]],
)
def test_wrong_usage_ends_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""


def test_status_without_a_platform_says_what_to_do_and_ends_with_three(tmp_path: Path) -> None:
    asked = run_local("status", "--data", str(tmp_path))
    assert asked.returncode == 3
    assert asked.stdout == ""
    assert "start one with `python3 -m local up`" in asked.stderr


def test_status_keeps_standard_output_for_the_answer_and_colours_out_of_it(tmp_path: Path) -> None:
    folder = DataFolder.hold(tmp_path)
    new_state(tmp_path, 7071).save()
    try:
        table = run_local("status", "--data", str(tmp_path), NO_COLOR="1", FORCE_COLOR="1")
        line = run_local("status", "--data", str(tmp_path), "--format", "json")
        wrong = run_local("status", "--data", str(tmp_path), "--port", "7072")
    finally:
        folder.release()
    assert table.returncode == 0
    assert "\x1b[3" not in table.stdout
    assert json.loads(line.stdout)["port"] == 7071
    assert wrong.returncode == 3
    assert "listens on port 7071, not 7072" in wrong.stderr


def test_a_run_file_of_a_platform_that_ended_is_no_platform(tmp_path: Path) -> None:
    new_state(tmp_path, 7071).save()
    with pytest.raises(NotRunning):
        find_platform(tmp_path)


def test_a_folder_with_files_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", "utf-8")
    with pytest.raises(CommandStopped, match="holds files that are not Galen's"):
        DataFolder.hold(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_emptying_a_folder_follows_no_link_and_spares_another_platform(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    folder = DataFolder.hold(tmp_path / "data")
    (folder.path / "link").symlink_to(outside)
    (folder.path / "lake").mkdir()
    (folder.path / "lake" / "file").touch()
    other = DataFolder.hold(folder.path / "other")
    folder.empty()
    assert (outside / "kept").exists()
    assert sorted(entry.name for entry in folder.path.iterdir()) == [MARKER, "lock", "other"]
    other.release()
    folder.release()


def test_ports_stay_below_those_of_outgoing_connections_and_are_kept_for_the_next_start(
    tmp_path: Path,
) -> None:
    ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("utf-8").split()[0])
    state = new_state(tmp_path, 7071)
    ports = chosen_ports(7071, None)
    assert all(is_free(port) and port < ephemeral for name, port in ports.items() if name != "http")
    from local.processes import SupervisedProcess

    specs = [*emulator_specs(ports, tmp_path, enforce_throughput=True), *worker_specs(ports)]
    assert [spec.name for spec in specs if "--enforce-throughput" in spec.arguments] == ["cosmos"]
    state.processes = {spec.name: SupervisedProcess(spec, tmp_path, {}).state() for spec in specs}
    assert chosen_ports(7071, state) == ports


def test_a_port_is_offered_once() -> None:
    first, second = free_ports(2, preferred=(15999, 15999))
    assert first != second


def test_each_emulator_has_its_connection_string() -> None:
    connections = connection_strings({"eventhubs": 1, "datalake": 2, "cosmos": 3})
    assert "sb://127.0.0.1:1;" in connections["eventhubs"]
    assert "DfsEndpoint=http://127.0.0.1:2/" in connections["datalake"]
    assert connections["cosmos"].startswith("AccountEndpoint=http://127.0.0.1:3/;")


def test_settings_of_pip_are_handed_to_uv(tmp_path: Path) -> None:
    settings = {
        "index-url": "https://mirror.example/simple",
        "extra-index-url": "https://a.example/simple\\nhttps://b.example/simple",
        "find-links": f"{tmp_path} /nowhere/at/all",
        "cert": "/etc/ca.pem",
    }
    assert uv_settings(settings, {}) == {
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INDEX": "https://a.example/simple https://b.example/simple",
        "UV_FIND_LINKS": str(tmp_path),
        "SSL_CERT_FILE": "/etc/ca.pem",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_a_log_is_rotated_and_the_oldest_dropped(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    for round_number in range(6):
        log.write_text(f"{round_number} " * 10, "utf-8")
        rotate(log, limit_bytes=10)
    assert log.read_bytes() == b""
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "worker.log",
        "worker.log.1",
        "worker.log.2",
        "worker.log.3",
    ]
    assert (tmp_path / "worker.log.1").read_text("utf-8").startswith("5 ")


def test_up_refuses_a_setting_that_the_app_would_refuse_before_anything_starts(tmp_path: Path) -> None:
    asked = run_local(
        "up",
        "--data",
        str(tmp_path),
        "--port",
        str(free_ports(1)[0]),
        GALEN_VALIDATION_MODES='{"file":"quarantin"}',
    )
    assert asked.returncode == 2
    assert "GALEN_VALIDATION_MODES" in asked.stderr
    assert "starting" not in asked.stderr


def test_what_the_operator_chose_is_kept_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALEN_VALIDATION_MODES", '{"file":"warn"}')
    ports = chosen_ports(free_ports(1)[0], None)
    assert read_settings(app_settings(ports, tmp_path)).validation_modes == {"file": "warn"}
