"""The page of the stacks: for each its graph of nouns, its resources by type, who may do what; then rules and bounds."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from infra.config import StackConfig
from infra.drawing import grants, service_of
from infra.policies.benchmarks import REQUIREMENTS, SOURCES
from infra.policies.rule import Rule
from infra.program import RecordedStack, rules_of
from infra.recording import Recorded, Recording
from infra.scaling import PARTS, scaling

_EVERYWHERE: Final = ("Network", "Observability", "Keys", "Identity")
"""Nouns that every other one touches: lines to them would hide the rest."""
_WORD: Final = re.compile(r"[\w-]+")
_HEAD: Final = """# The stacks, resource by resource

Written by `python3 -m local infra document` from the recorded programs of all stacks: no account is asked, nothing is typed
by hand. How to make one: [deployment-guide.md](deployment-guide.md). When something is lost:
[disaster-recovery.md](disaster-recovery.md).
"""


def page(stacks: Mapping[str, RecordedStack]) -> str:
    """The whole page."""
    parts = [_HEAD, *(_stack(name, stack) for name, stack in stacks.items())]
    clouds = {stack.config.cloud: stack for stack in stacks.values() if stack.config.is_production}
    parts += [_rules(stack.config, rules_of(stack.config)) for stack in clouds.values()]
    parts.append(_bounds([stack.config for stack in stacks.values()]))
    return "\n".join(parts)


def nouns(recording: Recording) -> dict[str, str]:
    """The component that each resource belongs to, by the resource's name; components themselves included."""
    kinds = {each.name: each.type.rpartition(":")[2] for each in recording.resources if _is_noun(each)}
    owner = {each.name: each.parent for each in recording.resources if _is_noun(each)}
    found = {}
    for each in recording.resources:
        at = each.name if _is_noun(each) else each.parent
        # A noun inside another one, such as the identity of an app, is drawn as part of it.
        while owner.get(at) in kinds:
            at = owner[at]
        found[each.name] = kinds.get(at, "")
    return found


def edges(recording: Recording) -> list[tuple[str, str]]:
    """Which noun's resources name a resource of which other noun."""
    noun_of = nouns(recording)
    found = set()
    for each in recording.cloud():
        words = set(_WORD.findall(json.dumps(dict(each.inputs), default=str)))
        for word in words & noun_of.keys():
            pair = noun_of[each.name], noun_of[word]
            if all(pair) and pair[0] != pair[1] and not set(pair) & set(_EVERYWHERE):
                found.add(pair)
    return sorted(found)


def _is_noun(each: Recorded) -> bool:
    return each.type.startswith("galen:")


def _stack(name: str, stack: RecordedStack) -> str:
    recording = stack.recording
    cloud = recording.cloud()
    by_service: dict[str, Counter[str]] = {}
    for each in cloud:
        by_service.setdefault(service_of(each), Counter())[each.type.rpartition(":")[2]] += 1
    lines = [f"## {name}", "", f"{len(cloud)} resources in {len(by_service)} services.", ""]
    lines += [*_graph(recording), "", "| service | resources |", "|---|---|"]
    for service, kinds in sorted(by_service.items()):
        said = ", ".join(f"{kind} {count}" if count > 1 else kind for kind, count in sorted(kinds.items()))
        lines.append(f"| {service} | {said} |")
    lines += ["", "| who | may | where |", "|---|---|---|"]
    lines += [
        f"| {grant.who} | {grant.what} | {grant.where.replace('|', '')} |" for grant in grants(recording)
    ]
    return "\n".join([*lines, ""])


def _graph(recording: Recording) -> Iterator[str]:
    noun_of = nouns(recording)
    sizes = Counter(noun_of[each.name] for each in recording.cloud())
    yield "```mermaid"
    yield "graph LR"
    for noun in sorted(set(noun_of.values()) - {""}):
        yield f'  {noun}["{_words(noun)}<br/>{sizes[noun]}"]'
    for one, other in edges(recording):
        yield f"  {one} --> {other}"
    yield "```"
    yield ""
    yield f"Every noun also touches {', '.join(_words(noun) for noun in _EVERYWHERE)}."


def _words(noun: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", noun).lower()


def _rules(config: StackConfig, rules: Sequence[Rule]) -> str:
    lines = [
        f"## Rules of the {config.cloud} stacks",
        "",
        "Each is run over every resource that it is about, and each catches a stack in which it is broken on purpose.",
        "Those in italics are for production only. Below them what the numbers ask, in words of ours.",
        "",
        "| rule | answers |",
        "|---|---|",
    ]
    for rule in rules:
        shown = f"*{rule.name}*" if rule.production_only else rule.name
        lines.append(f"| {shown} | {', '.join(rule.answers)} |")
    answered = {answer for rule in rules for answer in rule.answers}
    asked = [f"| {number} | {asks} |" for number, asks in REQUIREMENTS.items() if number in answered]
    named = [
        f"- {short}: {source}" for short, source in SOURCES.items() if any(short in each for each in answered)
    ]
    return "\n".join([*lines, "", *named, "", "| number | asks |", "|---|---|", *asked, ""])


def _bounds(configs: Iterable[StackConfig]) -> str:
    kinds = {config.environment: config for config in configs}
    lines = [
        "## How far each part grows",
        "",
        f"| part | grows by | {' | '.join(kinds)} |",
        f"|---|---|{'---|' * len(kinds)}",
    ]
    for part in PARTS:
        sizes = [scaling(config, part) for config in kinds.values()]
        cells = " | ".join(f"{size.least:g} to {size.most:g} {size.unit}" for size in sizes)
        lines.append(f"| {part} | {sizes[-1].grows_by} | {cells} |")
    return "\n".join([*lines, ""])
