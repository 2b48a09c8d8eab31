"""`local dead-letters`: what could not be processed, shown, and replayed once the cause is mended."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from local import exits
from local.cli.options import add_platform_options, new_parser
from local.run_state import find_platform

if TYPE_CHECKING:
    from shared.bootstrap import Services
    from shared.services.dead_letters import DeadLetter

_EXAMPLES = """  python3 -m local dead-letters list
  python3 -m local dead-letters list --format json | jq -r .id
  python3 -m local dead-letters show 3f0c8a12 --raw > line.json
  python3 -m local dead-letters replay 3f0c8a12
  python3 -m local dead-letters replay --all
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(
        subparsers, "dead-letters", "list, show or replay what could not be processed", _EXAMPLES
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = new_parser(
        actions,
        "list",
        "those that are open, with the first reason of each",
        "  python3 -m local dead-letters list --all",
    )
    listing.add_argument("--tenant", metavar="T", help="of this tenant only (default: of all)")
    listing.add_argument("--all", action="store_true", help="those that were replayed too")
    listing.add_argument(
        "--format", choices=("table", "json"), default="table", help="json: one object a line"
    )
    show = new_parser(
        actions,
        "show",
        "one: where its bytes are, and all its reasons",
        "  python3 -m local dead-letters show 3f0c8a12",
    )
    show.add_argument("id", metavar="ID", help="its id, or as much of it as no other has")
    show.add_argument("--raw", action="store_true", help="write the bytes as they arrived, and nothing else")
    replay = new_parser(
        actions,
        "replay",
        "send raw lines through the same handler again",
        "  python3 -m local dead-letters replay --all",
    )
    replay.add_argument("ids", nargs="*", metavar="ID", help="ids, or as much of each as no other has")
    replay.add_argument("--all", action="store_true", help="all that are open")
    replay.add_argument("--tenant", metavar="T", help="with --all: of this tenant only")
    for action in (listing, show, replay):
        add_platform_options(action)


def run(args: argparse.Namespace) -> int:
    """0 where it was done; 1 where a dead letter is not there or stays open; 2 for wrong usage."""
    if args.action == "replay" and bool(args.ids) == args.all:
        raise exits.CommandStopped("give the ids to replay, or --all", exits.USAGE)
    from local.running import services_of

    services = services_of(find_platform(args.data, args.port))
    if args.action == "list":
        return _list(services, args.tenant, every=args.all, form=args.format)
    if args.action == "show":
        return _show(services, args.id, raw=args.raw)
    letters = (
        services.dead_letters.list(args.tenant) if args.all else (_find(services, id_) for id_ in args.ids)
    )
    return _replay(services, letters)


def _list(services: Services, tenant: str | None, *, every: bool, form: str) -> int:
    letters = sorted(
        services.dead_letters.list(tenant, status=None if every else "open"), key=lambda each: each.at
    )
    if form == "json":
        for letter in letters:
            print(json.dumps({**asdict(letter), "pointer": _pointer(letter)}))
        return exits.OK
    from local.delivery.letters import lines, short_ids

    # By every letter there is: what is unique now must be so for `show` and `replay`.
    short = short_ids(services.dead_letters.ids())
    told = lines(letters, short, _dropped_files(services, letters), terminal=sys.stdout.isatty())
    if letters:
        print("\n".join(told))
    print(f"galen: {len(letters)} dead {'letter' if len(letters) == 1 else 'letters'}", file=sys.stderr)
    return exits.OK


def _dropped_files(services: Services, letters: Iterable[DeadLetter]) -> dict[str, str]:
    """The paths of dropped files by their identity; a file that was deleted since has none."""
    from shared.domain.records import Door
    from shared.services.file_door import file_identity

    if not any(letter.door == Door.FILE for letter in letters):
        return {}
    return {file_identity(file): file.path for file in services.adapters.dropped.list("")}


def _show(services: Services, letter_id: str, *, raw: bool) -> int:
    letter = _find(services, letter_id)
    file = _dropped_files(services, [letter]).get(letter.raw.path.removeprefix("landing/"))
    if raw:
        for piece in _bytes_of(services, letter, file):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return exits.OK
    said = {**asdict(letter), "pointer": _pointer(letter)}
    print(json.dumps(said if file is None else {**said, "file": f"landing/{file}"}, indent=2))
    return exits.OK


def _replay(services: Services, letters: Iterable[DeadLetter]) -> int:
    """Each in turn, one object a line; the last line of standard error counts them."""
    recovered = left = 0
    for letter in letters:
        done = services.replay.run(letter)
        told: dict[str, Any] = {"id": letter.id, "recovered": done.recovered}
        print(json.dumps({**told, "reason": done.reason} if done.reason else told), flush=True)
        recovered, left = recovered + done.recovered, left + (not done.recovered)
    print(f"galen: {recovered} recovered, {left} still open", file=sys.stderr)
    return exits.FINDING if left else exits.OK


def _find(services: Services, given: str) -> DeadLetter:
    """The one whose id is, or begins with, what was given."""
    found = list(services.dead_letters.beginning_with(given))
    if not found:
        raise exits.CommandStopped(f"there is no dead letter {given}: `dead-letters list` shows them")
    if len(found) > 1:
        raise exits.CommandStopped(
            f"{len(found)} dead letters begin with {given}: give more of the id", exits.USAGE
        )
    return found[0]


def _bytes_of(services: Services, letter: DeadLetter, file: str | None) -> Iterator[bytes]:
    """The lines it leads to, or the dropped file at this path where that was refused as a whole."""
    from shared.domain.ingest.chain import unpack
    from shared.services.isolate import FOLDER

    if letter.raw.line == 0 and not letter.parts:
        if letter.raw.path.startswith(f"{FOLDER}/"):
            raise exits.CommandStopped(
                f"what failed at {letter.stage} is a record, not what arrived: `dead-letters replay` reads it again"
            )
        if file is None:
            raise exits.CommandStopped(
                "the dropped file was refused as a whole, and has left the container landing or been replaced since"
            )
        return services.adapters.dropped.stream(file)
    lines = unpack(services.lake.read(letter.raw.path))
    numbers = sorted({line for line, _ in letter.places})
    return iter([b"\n".join(lines[number - 1].body for number in numbers)])


def _pointer(letter: DeadLetter) -> str:
    entry = f" entry {letter.raw.entry}" if letter.raw.entry >= 0 else ""
    return f"{letter.raw.path}:{letter.raw.line}{entry}"
