"""The layout of a patient's `VitalsState`: a JSON object that the caller keeps and hands back.

    version   2
    context   [birth date, pregnant, hypercapnic] that the outputs were made with
    rows      Observation id -> [at, version, order, {parameter: value}, [outcome per rule]], in the
              order (at, id): the last 48 hours, or the newest of them where `older` has segments; where it speaks
              of parameters without a value that counts, {parameter: reason} follows
    gone      Observation id -> [at, version, order] of those that counted and do not any more, so that an older version
              stays away: the 2,000 that were recorded last; in a state of an earlier release of all that do not count
    uncounted the same of withdrawn ones that never counted, the last 500
    ahead     the same of those that never counted, of a clock that is ahead, the last 500
    slots     parameter -> [at, id, version, value]: the last value of each parameter
    unused    parameter!reason -> [at, n, m]: n values of this instant that do not count, m between the last
              one that counts and it; apart from the slots, so that a release that does not know it reads those
    base      {slots, unused, episodes}: the fold of all before the rows
    tracks    per rule {closed, settled, pending}: the episodes that ended within the rows, the open episode
              before the last instant, and that instant's last outcome
    acks      [rule version, from, until, by, at] of acknowledgements
    older     {segments, until, closed}: what of the window lies before the rows, see `segments`: [name, from,
              number of rows] of each, the instant at which the rows begin, the episodes that ended before it

Instants are microseconds since 1970, values their exact text. An outcome is one integer (below).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import Any

from shared.domain.alerts.episodes import Acknowledgement, Episode, Outcome, from_us, to_us
from shared.domain.alerts.responses import Severity
from shared.domain.scores import RULES
from shared.domain.scores.model import INPUT_VALID_FOR, NotCounted, PatientContext
from shared.domain.vitals import ObservedVitals, Parameter, VitalReading
from shared.domain.vitals.parameters import possible

VitalsState = dict[str, Any]
Row = list[Any]
Slots = dict[str, Any]

AT, VERSION, ORDER, VALUES, OUTCOMES, UNUSED = range(6)
LAYOUT = 2

MARKS = GONE, UNCOUNTED, FAST = "gone", "uncounted", "ahead"
_BUT = "!"
_VALID_US = to_us(from_us(0) + INPUT_VALID_FOR)
_MISSING_BITS, _SEVERITY_BITS = 12, 2
_SEVERITIES = (None, Severity.P2, Severity.P1)
_EPISODE_FIELDS = attrgetter(*(item.name for item in fields(Episode)))
_NAMES = [item.name for item in fields(Episode)]
_SEVERITY_FIELD, _BEGAN_FIELD, _ENDED_FIELD = map(_NAMES.index, ("severity", "began_us", "ended_us"))


def empty_state() -> VitalsState:
    """The state of a patient of whom nothing is known."""
    return {
        "version": LAYOUT,
        "context": encode_context(PatientContext()),
        "rows": {},
        **{name: {} for name in MARKS},
        "slots": {},
        "unused": {},
        "base": {"slots": {}, "unused": {}, "episodes": [None for _ in RULES]},
        "tracks": [{"closed": [], "settled": None, "pending": None} for _ in RULES],
        "acks": [],
        "older": {"segments": [], "until": 0, "closed": [[] for _ in RULES]},
    }


def marks_of(state: VitalsState) -> dict[str, dict[str, Any]]:
    """By the names of `MARKS`; an earlier release kept all of them in the first."""
    return {name: state.get(name, {}) for name in MARKS}


def encode_context(context: PatientContext) -> list[Any]:
    """The context as JSON."""
    born = context.birth_date.isoformat() if context.birth_date else None
    return [born, context.pregnant, context.hypercapnic]


def decode_context(encoded: list[Any]) -> PatientContext:
    """The context that `encode_context` wrote."""
    born, pregnant, hypercapnic = encoded
    return PatientContext(date.fromisoformat(born) if born else None, pregnant, hypercapnic)


def encode_value(value: Decimal | str) -> str:
    """A value as text with its digits."""
    return str(value)


def decode_value(text: str) -> Decimal | str:
    """The value of its text: words are codes (`oxygen`, `A`), everything else is a number."""
    return text if text.isalpha() else Decimal(text)


def row_of(at_us: int, observed: ObservedVitals) -> Row:
    """The row of an Observation, not scored yet."""
    values = {name.value: encode_value(value) for name, value in observed.values.items()}
    row = [at_us, observed.version, observed.order, values, [None for _ in RULES]]
    unused = {name.value: reason for name, reason in observed.not_counted.items()}
    return [*row, unused] if unused else row


def decode_slots(slots: Slots, *, whatever: bool = False) -> dict[Parameter, VitalReading]:
    """The last reading of each parameter, without what a state of wider limits kept though no patient has it.

    With that too where `whatever` is wanted.
    """
    return {
        parameter: VitalReading(from_us(slot[0]), f"Observation/{slot[1]}", slot[2], parameter, value)
        for name, slot in slots.items()
        if possible(parameter := Parameter(name), value := decode_value(slot[3])) or whatever
    }


@dataclass(slots=True)
class Last:
    """The last value of each parameter, and those behind it that do not count, as `slots` and `unused` keep them."""

    slots: Slots
    unused: Slots = field(default_factory=dict)

    @classmethod
    def in_(cls, kept: Mapping[str, Any]) -> Last:
        """What a state or its base keeps.

        Without what does not count and is older than the last value: a release that knew nothing of it has left it there.
        """
        slots = dict(kept["slots"])
        return cls(
            slots,
            {
                name: mark
                for name, mark in kept.get("unused", {}).items()
                if (slot := slots.get(_parameter_in(name))) is None or mark[AT] >= slot[AT]
            },
        )

    def kept(self) -> dict[str, Slots]:
        """The parts of a state or its base."""
        return {"slots": self.slots, "unused": self.unused}

    def copy(self) -> Last:
        """One that can be filled for itself."""
        return Last(dict(self.slots), dict(self.unused))

    def fill(self, id_: str, row: Row) -> None:
        """Take a row in."""
        at = row[AT]
        for name, text in row[VALUES].items():
            self.slots[name] = [at, id_, row[VERSION], text]
            for other in [key for key in self.unused if _parameter_in(key) == name]:
                last, here, _ = self.unused.pop(other)
                if last == at:  # of the same instant it is no older than what counts
                    self.unused[other] = [at, here, 0]
        for name, reason in (row[UNUSED] if len(row) > UNUSED else {}).items():
            mark = f"{name}{_BUT}{reason}"
            last, here, before = self.unused.get(mark, (at, 0, 0))
            self.unused[mark] = [at, here + 1, before] if last == at else [at, 1, before + here]

    def parameters(self) -> set[str]:
        """Those that were ever spoken of."""
        return self.slots.keys() | {_parameter_in(name) for name in self.unused}

    def not_counted(self, at_us: int) -> NotCounted:
        """How many values newer than the last do not count, of reasons that were met in the 12 hours before an instant."""
        found: dict[tuple[Parameter, str], int] = {}
        for name, (at, here, before) in self.unused.items():
            if at >= at_us - _VALID_US:
                parameter, _, reason = name.partition(_BUT)
                found[Parameter(parameter), reason] = here + before
        return found

    def says_what(self, other: Last) -> bool:
        """Whether scores from here on say the same of both, but for how many values do not count."""
        met = {name: mark[AT] for name, mark in self.unused.items()}
        return self.slots == other.slots and met == {name: mark[AT] for name, mark in other.unused.items()}


def newest_reading(slots: Slots) -> int | None:
    """The instant of the newest value that counts."""
    return max((slot[AT] for slot in slots.values()), default=None)


def _parameter_in(mark: str) -> str:
    return mark.partition(_BUT)[0]


def encode_outcome(outcome: Outcome) -> int:
    """Total, severity and missing inputs in one integer; instant and reading are the row's."""
    severity = _SEVERITIES.index(outcome.severity)
    return (outcome.total << _SEVERITY_BITS | severity) << _MISSING_BITS | outcome.missing


def is_calm(encoded: int) -> bool:
    """Whether an encoded outcome calls for no response."""
    return not encoded >> _MISSING_BITS & ((1 << _SEVERITY_BITS) - 1)


def decode_outcome(at_us: int, id_: str, encoded: int) -> Outcome:
    """The outcome that `encode_outcome` wrote."""
    rest, missing = encoded >> _MISSING_BITS, encoded & ((1 << _MISSING_BITS) - 1)
    severity = _SEVERITIES[rest & ((1 << _SEVERITY_BITS) - 1)]
    return Outcome(at_us, id_, rest >> _SEVERITY_BITS, severity, missing)


def encode_episode(episode: Episode | None) -> list[Any] | None:
    """An episode as a list in the order of its fields."""
    if episode is None:
        return None
    values = list(_EPISODE_FIELDS(episode))
    values[_SEVERITY_FIELD] = episode.severity.value
    return values


def decode_episode(encoded: list[Any] | None) -> Episode | None:
    """The episode that `encode_episode` wrote."""
    if encoded is None:
        return None
    values = list(encoded)
    values[_SEVERITY_FIELD] = Severity(values[_SEVERITY_FIELD])
    return Episode(*values)


def began_of(encoded: list[Any]) -> int:
    """When an encoded episode began."""
    return int(encoded[_BEGAN_FIELD])


def ended_of(encoded: list[Any]) -> int:
    """When an encoded episode ended, which it has."""
    return int(encoded[_ENDED_FIELD])


def encode_acknowledgement(item: Acknowledgement) -> list[Any]:
    """An acknowledgement as JSON."""
    return [item.rule_version, item.from_us, item.until_us, item.by, to_us(item.at)]


def decode_acknowledgements(encoded: list[Any]) -> list[Acknowledgement]:
    """The acknowledgements of a state."""
    return [Acknowledgement(rule, start, until, by, from_us(at)) for rule, start, until, by, at in encoded]
