"""Run the AWS emulator: `python -m local.emulators.aws --port N [--data DIR]`; without a folder it keeps nothing."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from local.callers import Callers, listens_locally
from local.emulators.aws.app import FAULT_STATUSES, App
from local.emulators.aws.changes import note_changes
from local.emulators.aws.journal import Journal
from local.emulators.aws.strictness import make_strict
from local.emulators.faults import Faults


class _Handler(MotoRequestHandler):  # type: ignore[misc]  # moto has no types here
    protocol_version = "HTTP/1.1"  # connections are kept
    disable_nagle_algorithm = True  # else an answer whose head and body are written apart takes 40 ms

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Nothing: a request line may name somebody."""


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.emulators.aws", description=__doc__)
    parser.add_argument("--port", required=True, type=int, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, help="keep everything in this folder")
    parser.add_argument("--faults", action="store_true", help="allow POST and DELETE /_faults")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    options = parse_arguments(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="aws: %(message)s")
    os.environ["MOTO_PORT"] = str(options.port)
    make_strict()
    journal = _kept_in(options.data) if options.data else None
    app = App(
        DomainDispatcherApplication(create_backend_app),
        Faults(FAULT_STATUSES) if options.faults else None,
        Callers(listens_locally(options.host)),
        journal,
    )
    server = make_server(options.host, options.port, app, threaded=True, request_handler=_Handler)

    def stop(*_: object) -> None:
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    print(f"AWS ready at http://{options.host}:{server.server_port}", flush=True)
    server.serve_forever()
    server.server_close()
    return 0


def _kept_in(folder: Path) -> Journal:
    """What the folder holds is made again before anybody can ask."""
    journal = Journal(folder)
    note_changes(journal.note, journal.now)
    journal.make_again()
    return journal


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # All that is kept was written when it was answered; to free a large store item by item takes longer than anybody waits.
    os._exit(status)
