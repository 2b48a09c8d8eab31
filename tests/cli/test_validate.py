"""`local validate`: what it reads, one line per resource, the table by rule, and the exit codes.

The golden lines are written anew with GALEN_REWRITE_GOLDEN=1 in the environment.
"""

from __future__ import annotations

import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest

from local.cli.main import main
from local.exits import CommandStopped
from local.layout import CHECKOUT
from local.validation import reading
from local.validation.reading import places_of, texts
from local.validation.summary import Summary
from shared.domain.fhir.outcome import Issue, error
from shared.domain.fhir.validation.report import Report
from tests.patience import PATIENCE_S

GOLDEN = CHECKOUT / "tests/data/golden/validate"
GOOD = {"resourceType": "Patient", "gender": "female"}
BAD = {"resourceType": "Patient", "gender": ["canary4711"]}
FIELDS = ["source", "line", "resourceType", "valid", "issues"]
ISSUE_FIELDS = ["severity", "code", "expression", "details", "rule"]


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def run(*arguments: str, cwd: Path = CHECKOUT, **variables: str) -> subprocess.CompletedProcess[str]:
    program = "import sys; from local.cli.main import main; sys.exit(main(['validate', *sys.argv[1:]]))"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=cwd, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **variables}, timeout=PATIENCE_S,
    )  # fmt: skip


def found(capfdbinary: Any, *paths: Path | str) -> list[dict[str, Any]]:
    main(["validate", *map(str, paths), "--format", "ndjson"])
    return [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]


# what is said of each resource


def test_says_of_each_kind_of_input_what_the_golden_lines_say(
    capfdbinary: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(GOLDEN)
    assert main(["validate", "input", "--format", "ndjson"]) == 1
    printed = capfdbinary.readouterr().out.decode()
    expected = GOLDEN / "expected.ndjson"
    if os.environ.get("GALEN_REWRITE_GOLDEN"):
        expected.write_text(printed, "utf-8")
    assert printed == expected.read_text("utf-8")


def test_a_line_has_the_five_fields_and_an_issue_its_own_five(tmp_path: Path, capfdbinary: Any) -> None:
    (tmp_path / "a.ndjson").write_bytes(lines(GOOD, BAD))
    for line in found(capfdbinary, tmp_path / "a.ndjson"):
        assert list(line) == FIELDS
        assert all(list(issue) == ISSUE_FIELDS for issue in line["issues"])
        assert all(isinstance(value, str) for issue in line["issues"] for value in issue.values())
        severities = {issue["severity"] for issue in line["issues"]}
        assert line["valid"] == (not severities & {"error", "fatal"})


def test_the_source_is_the_path_exactly_as_given(
    tmp_path: Path, capfdbinary: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in/deep").mkdir(parents=True)
    Path("in/deep/a.json").write_bytes(lines(GOOD))
    with zipfile.ZipFile("in/b.zip", "w") as archive:
        archive.write("in/deep/a.json", "x/a.json")
    for given, wanted in [
        ("./in/", "./in/"), ("in", "in/"), (f"{tmp_path}/in", f"{tmp_path}/in/"), ("in/../in", "in/../in/"),
    ]:  # fmt: skip
        sources = [line["source"] for line in found(capfdbinary, given)]
        assert sources == [f"{wanted}b.zip!x/a.json", f"{wanted}deep/a.json"]
    assert found(capfdbinary, "./in/deep/a.json")[0]["source"] == "./in/deep/a.json"


def test_the_line_is_that_of_the_ndjson_file_blank_lines_counted(tmp_path: Path, capfdbinary: Any) -> None:
    body = lines(GOOD) + b"\n\r\n" + lines(BAD) + b"{cut"
    (tmp_path / "a.ndjson").write_bytes(body)
    (tmp_path / "b.ndjson.xz").write_bytes(lzma.compress(body))
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(body))
    with tarfile.open(tmp_path / "d.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "b.ndjson.xz", "m/b.ndjson.xz")
    for name in ("a.ndjson", "b.ndjson.xz", "c.jsonl.gz", "d.tar.gz"):
        got = found(capfdbinary, tmp_path / name)
        assert [line["line"] for line in got] == [1, 4, 5], name
        assert [line["resourceType"] for line in got] == ["Patient", "Patient", None]
        assert [line["valid"] for line in got] == [True, False, False]


def test_a_bundle_is_one_line_with_the_findings_of_its_entries(tmp_path: Path, capfdbinary: Any) -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": GOOD}, {"resource": BAD}],
    }
    (tmp_path / "a.json").write_bytes(lines(bundle))
    [line] = found(capfdbinary, tmp_path / "a.json")
    assert (line["resourceType"], line["valid"]) == ("Bundle", False)
    assert any(issue["expression"].startswith("Bundle.entry[1].resource") for issue in line["issues"])


def test_xml_is_named_as_not_supported_wherever_it_is(tmp_path: Path, capfdbinary: Any) -> None:
    (tmp_path / "a.xml").write_text('<?xml version="1.0"?><Patient/>')
    (tmp_path / "b.json").write_text("\ufeff <Patient/>")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.write(tmp_path / "a.xml", "a.xml")
    got = found(capfdbinary, tmp_path)
    assert [(line["resourceType"], line["valid"]) for line in got] == [(None, False)] * 3
    assert {(issue["code"], issue["rule"]) for line in got for issue in line["issues"]} == {
        ("not-supported", "xml")
    }


def test_what_is_damaged_is_a_line_and_the_rest_is_read(tmp_path: Path, capfdbinary: Any) -> None:
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(lines(GOOD))[:-9])
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 is not all there is to a zip")
    (tmp_path / "c.tar").write_bytes(b"nor this a tar")
    (tmp_path / "d.ndjson.gz").write_bytes(gzip.compress(lines(GOOD)) + b"junk")
    (tmp_path / "e.json").write_bytes(b"")
    (tmp_path / "f.json").write_bytes(lines(GOOD))
    got = found(capfdbinary, tmp_path)
    sayings = {(Path(line["source"]).name, line["line"]): line for line in got}
    assert [line["source"][-6:] for line in got if line["valid"]] == ["son.gz", "f.json"]
    for name, number in (("a.json.gz", 1), ("b.zip", 1), ("c.tar", 1), ("d.ndjson.gz", 2)):
        line = sayings[name, number]
        assert (line["resourceType"], line["valid"]) == (None, False)
        assert "cannot be read" in line["issues"][0]["details"]
    assert "empty" in sayings["e.json", 1]["issues"][0]["details"]


def test_a_link_in_an_archive_is_named_and_the_members_after_it_are_read(
    tmp_path: Path, capfdbinary: Any
) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind, target in (
            ("outside.json", tarfile.SYMTYPE, "/etc/hostname"),
            ("itself.json", tarfile.LNKTYPE, "itself.json"),
            ("pipe.json", tarfile.FIFOTYPE, ""),
        ):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, target
            archive.addfile(link)
        entry = tarfile.TarInfo("../good.json")
        entry.size = len(lines(GOOD))
        archive.addfile(entry, io.BytesIO(lines(GOOD)))
    *links, good = found(capfdbinary, tmp_path / "a.tar")
    assert [Path(line["source"]).name for line in links] == ["a.tar!outside.json", "a.tar!itself.json"]
    assert all("is a link" in line["issues"][0]["details"] for line in links)
    assert (good["source"].endswith("a.tar!../good.json"), good["valid"]) == (True, True)


def test_two_members_of_one_name_are_both_read(tmp_path: Path, capfdbinary: Any) -> None:
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("a.json", lines(BAD))
        archive.writestr("a.json", lines(GOOD))
    assert [line["valid"] for line in found(capfdbinary, tmp_path / "a.zip")] == [False, True]


def test_a_file_of_another_ending_is_read_where_it_is_named(tmp_path: Path, capfdbinary: Any) -> None:
    (tmp_path / "patient").write_bytes(lines(GOOD))
    assert [line["valid"] for line in found(capfdbinary, tmp_path / "patient")] == [True]


def test_a_text_longer_than_any_door_takes_is_named_and_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_TEXT_BYTES", 100)
    (tmp_path / "a.ndjson").write_bytes(b"x" * 4_000_000 + b"\n" + lines(GOOD) + b"y" * 101)
    (tmp_path / "b.json").write_bytes(b" " * 101)
    got = list(texts(places_of(str(tmp_path)), lambda _: None))
    assert [(each.line, bool(each.problem), len(each.body) < 100) for each in got] == [
        (1, True, True), (2, False, True), (3, True, True), (1, True, True),
    ]  # fmt: skip


def test_every_byte_on_disk_is_heard_of(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(lines(*[GOOD] * 5_000))
    (tmp_path / "b.ndjson.gz").write_bytes(gzip.compress(lines(*[GOOD] * 5_000)))
    heard: list[int] = []
    places = places_of(str(tmp_path))
    assert sum(1 for _ in texts(places, heard.append)) == 10_000
    assert sum(heard) == sum(place.size for place in places)


# the table


def test_the_table_counts_by_rule_errors_first_with_one_place_each() -> None:
    warning = Issue("warning", "code-invalid", "Prefer another code.", "Patient.language", "binding")
    wrong = error("value", "No date.", "Patient.birthDate", "date")
    summary = Summary()
    for number in range(3):
        summary.add(lambda _, number=number: f"a:{number}", Report("Patient", (warning,)))  # type: ignore[misc]
    summary.add(lambda _: "a:9", Report("Patient", (warning, wrong, wrong)))
    summary.add(lambda _: "a:10", Report(None, (wrong,)))
    (date_key, date), (binding_key, binding) = summary.by_weight()
    assert (date_key.rule, date.issues, date.resources, date.place) == ("date", 3, 2, "a:9")
    assert (binding_key.rule, binding.issues, binding.resources, binding.place) == ("binding", 4, 4, "a:0")
    assert (summary.resources, summary.invalid, summary.remarked, summary.unreadable) == (5, 2, 3, 1)


def test_the_table_is_on_standard_output_and_shows_the_line_of_a_document(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(BAD, indent=1))
    ended = run("a.json", cwd=tmp_path)
    assert ended.returncode == 1
    assert "a.json:3 Patient.gender" in ended.stdout
    assert "1 resource in 1 file: 0 valid, 1 invalid" in ended.stdout
    assert ended.stderr == ""


def test_no_output_holds_a_value_a_colour_or_a_bar_where_there_is_no_terminal(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(lines(GOOD, BAD))
    for arguments in (["a.ndjson"], ["a.ndjson", "--format", "ndjson"]):
        ended = run(*arguments, cwd=tmp_path, NO_COLOR="1")
        assert "canary4711" not in ended.stdout + ended.stderr
        assert "\x1b" not in ended.stdout + ended.stderr


def test_the_table_holds_no_escape_sequence_of_a_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("\x1b]0;title\x07\x1b[2J\u202ename.json", lines(BAD))
    shown = run(str(tmp_path / "a.zip")).stdout
    assert "name.json" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_best_practice_is_reported_where_it_is_asked_for(tmp_path: Path, capfdbinary: Any) -> None:
    (tmp_path / "a.json").write_bytes(lines(GOOD))
    assert found(capfdbinary, tmp_path / "a.json")[0]["issues"] == []
    [line] = found(capfdbinary, tmp_path / "a.json", "--best-practice")
    assert ([issue["rule"] for issue in line["issues"]], line["valid"]) == (["dom-6"], True)


# exit codes


def test_ends_with_zero_where_all_are_valid_and_one_where_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_bytes(lines(GOOD))
    (tmp_path / "bad.json").write_bytes(lines(BAD))
    assert main(["validate", str(tmp_path / "good.json")]) == 0
    assert main(["validate", str(tmp_path / "bad.json")]) == 1
    assert main(["validate", str(tmp_path)]) == 1


def test_a_path_that_is_not_there_or_holds_nothing_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing of FHIR")
    with pytest.raises(CommandStopped, match=r"there is no .*none\.json") as ended:
        main(["validate", str(tmp_path), str(tmp_path / "none.json")])
    assert ended.value.exit_code == 2
    with pytest.raises(CommandStopped, match="nothing to validate") as ended:
        main(["validate", str(tmp_path)])
    assert ended.value.exit_code == 2


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(lines(*[BAD] * 3_000))
    program = "from local.cli.main import main; main(['validate', 'a.ndjson', '--format', 'ndjson'])"
    piped = subprocess.run(
        ["/bin/sh", "-c", f'{sys.executable} -c "{program}" | head -n 1'], cwd=tmp_path, capture_output=True,
        check=False, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, timeout=PATIENCE_S,
    )  # fmt: skip
    assert piped.stdout.count(b"\n") == 1
    assert b"Traceback" not in piped.stderr
