"""The function package: what is in it, that its build repeats, and that Microsoft's library finds our functions."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from local.layout import CHECKOUT
from local.packaging.build import copy_sources, zip_folder
from local.packaging.contents import AZURE
from local.packaging.measure import index_zip, weights
from tests.host.engines import ENGINES, interpreter_for

GOLDEN = CHECKOUT / "tests" / "host" / "golden" / "galen.json"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of our own files; their dependencies are this environment's."""
    folder = tmp_path_factory.mktemp("package") / "azure"
    copy_sources(folder)
    return zip_folder(folder, folder.parent / "azure.zip")


def test_holds_what_the_functions_import_and_nothing_else() -> None:
    found = {path.as_posix() for path in AZURE.paths(CHECKOUT)}
    assert {"function_app.py", "host.json", "functions/azure/streams.py", "functions/needs.py"} <= found
    assert {Path(name).parts[0] for name in found} == {"function_app.py", "host.json", "functions", "shared"}
    needless = ("functions/aws/", "shared/adapters/aws/", "shared/adapters/memory/")
    assert [name for name in found if name.startswith(needless) or "__pycache__" in name] == []


def test_the_same_files_make_the_same_bytes(package: Path, tmp_path: Path) -> None:
    copy_sources(tmp_path / "again")
    assert zip_folder(tmp_path / "again", tmp_path / "again.zip").read_bytes() == package.read_bytes()


@pytest.mark.parametrize("engine", ENGINES)
def test_the_functions_are_indexed_from_the_zip(engine: str, package: Path) -> None:
    wanted = sorted(each["name"] for each in json.loads(GOLDEN.read_text("utf-8")))
    assert index_zip(package, interpreter_for(engine), engine)["functions"] == wanted


def test_a_zip_is_unpacked_to_what_was_weighed(package: Path) -> None:
    with zipfile.ZipFile(package) as zipped:
        unpacked = sum(info.file_size for info in zipped.infolist())
    assert sum(weights(package.parent / "azure").values()) == unpacked
