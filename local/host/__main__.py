"""`python -m local.host --app DIR --port N`: run a function app on this machine."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from local.host.engine import ENGINE_NAMES, AppRejected
from local.host.routes import RouteRejected
from local.host.service import TRIGGERS, Options, run
from local.host.settings import SettingsRejected, apply_local_settings

_SHORT_NAMES = {"http": "httpTrigger"}


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _triggers(text: str) -> frozenset[str]:
    names = frozenset(_SHORT_NAMES.get(name, name) for name in _names(text))
    if unknown := names - set(TRIGGERS):
        raise argparse.ArgumentTypeError(
            f"unknown trigger {', '.join(sorted(unknown))}; known: http, {', '.join(TRIGGERS[1:])}"
        )
    return names


def parse_arguments(arguments: Sequence[str] | None = None) -> tuple[Options, Path | None]:
    """The options and the settings file, if one is to be read."""
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("--app", type=Path, default=Path(), help="folder with function_app.py and host.json")
    parser.add_argument("--port", type=int, default=7071, help="0 takes a free one (default 7071)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument(
        "--settings", type=Path, help="settings file (default: local.settings.json of the app if there)"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--listen", type=_triggers, help="only these triggers: http,eventHubTrigger,cosmosDBTrigger,…"
    )
    which.add_argument("--functions", type=_names, help="only these functions")
    parser.add_argument(
        "--engine", choices=ENGINE_NAMES, default="auto", help="whose library indexes and invokes"
    )
    parser.add_argument(
        "--instance", default="", help="stable name of this process; takes its own leases again at once"
    )
    parser.add_argument("--verbose", action="store_true", help="log every invocation")
    given = parser.parse_args(arguments)
    logging.getLogger("host").setLevel(logging.DEBUG if given.verbose else logging.INFO)
    app = given.app.resolve()
    settings = given.settings or (
        app / "local.settings.json" if (app / "local.settings.json").is_file() else None
    )
    if settings is not None and not settings.is_absolute() and not settings.exists():
        settings = app / settings
    instance = given.instance or f"{socket.gethostname()}-{os.getpid()}"
    return Options(
        app, given.host, given.port, given.listen, given.functions, given.engine, instance
    ), settings


def _log_to_stderr() -> None:
    """Lines like those of `func`; SDKs only warn, so that no request or body reaches the log."""
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING,
        format="[%(asctime)s] %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%SZ",
    )
    for noisy in ("azure", "uvicorn", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    logging.getLogger("azure.eventhub").setLevel(logging.CRITICAL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 after a clean stop, 1 where app or settings are rejected."""
    _log_to_stderr()
    options, settings = parse_arguments(arguments)
    try:
        if settings is not None:
            apply_local_settings(settings)
        asyncio.run(run(options))
    except (AppRejected, SettingsRejected, RouteRejected, ValueError) as rejected:
        print(f"The function app does not start: {rejected}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
