"""Runs a command in an environment of its own: made, locked and hash-checked on the first start, found on the next.

Standard library only. `$GALEN_VENV` names another folder than `.venv` in the checkout.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from local import exits
from local.cli.commands import COMMANDS, Command
from local.environment import Environment
from local.exits import NOT_RUNNING, CommandStopped
from local.java import find_java
from local.layout import CHECKOUT

_ENTERED = "GALEN_ENTERED"
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def main(arguments: Sequence[str]) -> int:
    """Prepares what the command in `arguments` needs, then runs it there; returns its exit code."""
    try:
        return _run(arguments)
    except CommandStopped as stopped:
        print(f"galen: {stopped}", file=sys.stderr)
        return stopped.exit_code
    except BrokenPipeError:
        # The reader has seen enough (`| head`). What Python would flush at the end has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.FINDING
    except KeyboardInterrupt:
        print("\ngalen: interrupted", file=sys.stderr)
        return exits.INTERRUPTED


def _run(arguments: Sequence[str]) -> int:
    from local.cli.main import main as run_command

    command = COMMANDS.get(arguments[0]) if arguments else None
    if command is None or (asks_for_help(arguments) and not _environment_is_ready(command)):
        return run_command(arguments)
    if command.needs_java_for(arguments) and find_java() is None:
        raise CommandStopped(
            "the Spark jobs need Java 17, which was not found: install it or set JAVA_HOME to it", NOT_RUNNING
        )
    environment = chosen_environment()
    environment.ensure(command.groups_for(arguments))
    if not runs_in(environment):
        enter(environment, arguments)
    os.environ.pop(_ENTERED, None)
    code = run_command(arguments)
    sys.stdout.flush()
    return code


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Whether help is asked for, which needs no installation."""
    return any(argument in ("-h", "--help") for argument in arguments)


def chosen_environment(
    interpreter: str = sys.executable, version: str = VERSION, base: str = ""
) -> Environment:
    """The environment for this version of Python: `.venv`, or beside it where that one is for something else."""
    folder = Path(base or os.environ.get("GALEN_VENV") or CHECKOUT / ".venv").absolute()
    for candidate in (folder, folder.with_name(f"{folder.name}-{version}")):
        environment = Environment(candidate, interpreter, version)
        if not environment.is_foreign():
            return environment
    raise CommandStopped(
        f"{folder} and {folder.name}-{version} beside it are not environments of galen for Python {version}: "
        "set GALEN_VENV to a folder that it may make"
    )


def runs_in(environment: Environment) -> bool:
    """Whether this process runs in that environment."""
    return environment.folder.exists() and environment.folder.samefile(sys.prefix)


def enter(environment: Environment, arguments: Sequence[str]) -> None:
    """Replaces this process by the same command in `environment`; does not return."""
    if os.environ.get(_ENTERED) == str(environment.folder):
        raise CommandStopped(f"{environment.python} does not run in {environment.folder}: remove that folder")
    os.environ[_ENTERED] = str(environment.folder)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(environment.python, [str(environment.python), str(CHECKOUT / "local"), *arguments])


def _environment_is_ready(command: Command) -> bool:
    return not chosen_environment().missing(command.groups)
