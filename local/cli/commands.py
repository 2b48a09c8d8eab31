"""The one table of commands. A command is a module beside this file, imported only when it is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

_PLATFORM = ("function", "local")


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name, its line in the list of commands, and the dependency groups it runs with.

    With `passes_on`, arguments that it does not know arrive in `args.rest`. `runs_spark_with` is an option that asks for
    Spark when its value is `spark`, and `needed_for` has by argument the groups that it alone needs.
    """

    name: str
    summary: str
    groups: tuple[str, ...] = _PLATFORM
    needs_java: bool = False
    passes_on: bool = False
    runs_spark_with: str = ""
    needed_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def groups_for(self, arguments: Sequence[str]) -> tuple[str, ...]:
        """The dependency groups for these arguments."""
        asked = [group for each in arguments for group in self.needed_for.get(each, ())]
        return (*self.groups, *(("spark",) if self._asks_for_spark(arguments) else ()), *asked)

    def needs_java_for(self, arguments: Sequence[str]) -> bool:
        """Whether Java is needed for these arguments."""
        return self.needs_java or self._asks_for_spark(arguments)

    def _asks_for_spark(self, arguments: Sequence[str]) -> bool:
        option = self.runs_spark_with
        return bool(option) and (f"{option}=spark" in arguments or (option, "spark") in pairwise(arguments))

    @property
    def module(self) -> str:
        """The module that has `register(subparsers)` and `run(args) -> int`."""
        return f"local.cli.{self.name.replace('-', '_')}"

    @property
    def exists(self) -> bool:
        """Whether that module is there."""
        return (Path(__file__).parent / f"{self.name.replace('-', '_')}.py").is_file()


_TABLE = (
    Command("up", "start the emulators and the functions host, run the main job on real data, then serve"),
    Command("token", "print a bearer token of the local issuer"),
    Command("send", "send files through one of the three doors and account for every resource"),
    Command("generate", "send made up adverse event reports or vital signs to the hub, at a rate"),
    Command("validate", "validate files against FHIR R4 and sum up the findings by rule"),
    Command("view", "print the rows that a SQL-on-FHIR view makes of resources", runs_spark_with="--engine"),
    Command("status", "show what runs, where it listens and since when"),
    Command("dead-letters", "list, show or replay what could not be processed"),
    Command("rebuild", "rebuild the records from raw alone and compare them with what is live"),
    Command(
        "check", "format, lint, types and import contracts", (*_PLATFORM, "test", "check", "scoring", "aws")
    ),
    Command(
        "test",
        "run the tests",
        (*_PLATFORM, "test", "check", "infra", "lake", "scoring", "ml", "aws", "aws-emulator"),
        passes_on=True,
    ),
    Command("bench", "measure throughput and latency, everything on this machine"),
    Command(
        "spark",
        "run the Spark jobs over the lake",
        (*_PLATFORM, "spark", "lake", "quality"),
        needs_java=True,
        needed_for=dict.fromkeys(("training", "train-onset", "train-readmission"), ("ml",)),
    ),
    Command(
        "query",
        "ask the lake's tables by SQL, or print what shows them to another engine",
        (*_PLATFORM, "lake"),
    ),
    Command("lineage", "follow a row of the lake's tables back to its raw bytes", (*_PLATFORM, "lake")),
    Command("tables", "build the silver tables without Java", (*_PLATFORM, "lake")),
    Command("bulk-export", "fetch what another FHIR server exports"),
    Command("workflows", "print the job graph for Airflow, Databricks or Data Factory"),
    Command("catalogue", "write the page of all tables from their declarations", (*_PLATFORM, "spark")),
    Command("train", "train and publish a model on public data", ("scoring", "ml")),
    Command(
        "publish",
        "publish a registered champion to the lake of a running platform",
        (*_PLATFORM, "scoring", "ml"),
    ),
    Command("score-dataset", "score a public data set with a shipped model", ("scoring",)),
    Command("report", "write a page of charts from the gold tables", (*_PLATFORM, "lake")),
    Command("infra", "show what would be provisioned in the cloud", (*_PLATFORM, "infra")),
    Command("package", "build and weigh the function packages", (*_PLATFORM, "installer")),
    Command("definitions", "build what the validator knows of FHIR R4 from HL7's definitions"),
    Command("lock", "write the lock files anew from the groups in pyproject.toml", ("installer",)),
    Command("sdk-tests", "run the tests of Microsoft's SDKs against the emulators"),
    Command("emulators", "start the emulators alone and print their connection strings"),
)

COMMANDS = {command.name: command for command in _TABLE if command.exists}
