"""Every command that a document shows is one that the command line takes."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

from local.cli.commands import COMMANDS
from tests.docs.documents import DOCUMENTS, name_of, text_of

_COMMAND = re.compile(r"python3 -m local(?: +([^`\n)|>;&]*))?")
_REMARK = re.compile(r"\s{2,}\S.*$")
_PLACEHOLDERS = {"COMMAND": "status", "N": "8071"}


def commands_in(text: str) -> list[str]:
    """The arguments after `python3 -m local`, without the remarks beside them."""
    return [_REMARK.sub("", match[1] or "").strip() for match in _COMMAND.finditer(text)]


SHOWN = [
    (name_of(path), shown) for path in DOCUMENTS for shown in commands_in(text_of(name_of(path))) if shown
]


@pytest.mark.parametrize(("document", "shown"), sorted(set(SHOWN)))
def test_a_command_in_a_document_is_taken(document: str, shown: str) -> None:
    arguments = [_PLACEHOLDERS.get(word, word) for word in shlex.split(shown, comments=True)]
    if not arguments:
        return
    assert arguments[0] in COMMANDS, f"{document}: there is no command {arguments[0]!r}"
    command = COMMANDS[arguments[0]]
    parser = argparse.ArgumentParser(prog="python3 -m local")
    importlib.import_module(command.module).register(parser.add_subparsers(dest="command"))
    try:
        _, rest = parser.parse_known_args(arguments)
    except SystemExit as ended:
        assert ended.code == 0, f"{document}: `python3 -m local {shown}` is refused"  # noqa: PT017
        return
    assert not rest or command.passes_on, (
        f"{document}: {rest} of `python3 -m local {shown}` is not understood"
    )


def test_the_readme_shows_the_two_commands() -> None:
    assert {"up", "test"} <= {shown for document, shown in SHOWN if document == "README.md"}


def test_the_changelog_names_every_command() -> None:
    assert [name for name in COMMANDS if f"`{name}`" not in text_of("CHANGELOG.md") and name != "up"] == []


def test_remarks_beside_a_command_are_no_part_of_it() -> None:
    text = "python3 -m local up --fresh      delete it\nTOKEN=$(python3 -m local token)\npython3 -m local test  # all"
    assert commands_in(text) == ["up --fresh", "token", "test"]


def test_documents_are_found() -> None:
    names = set(map(name_of, DOCUMENTS))
    assert {"README.md", "GLOSSARY.md", "CHANGELOG.md", str(Path("docs") / "operations.md")} <= names


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_python_in_a_document_compiles(path: Path) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        compile(block, name_of(path), "exec")
