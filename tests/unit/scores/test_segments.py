"""A state in pieces is the same state: whatever is opened, closed and left alone, the fold comes out."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.alerts.episodes import to_us
from shared.domain.scores import PatientContext
from shared.domain.scores.advance import acknowledge, advance
from shared.domain.scores.changes import Changes
from shared.domain.scores.fold import fold
from shared.domain.scores.segments import Sizes, decode, encode, first_needed, names_from, opened, sealed
from shared.domain.scores.state import empty_state, encode_context
from shared.domain.vitals import ObservedVitals
from tests.unit.scores.readings import NOON, WELL, observed
from tests.unit.scores.test_advance import ADULT, READINGS, SICK, WORSE, Store, _canonical

TINY = Sizes(most_in_head=4, kept_in_head=2, segment=3)


class Pieces(Store):
    """A caller that keeps a head and segments as text, and opens no more of them than it is told to."""

    def __init__(self, sizes: Sizes = TINY) -> None:
        super().__init__()
        self.sizes = sizes
        self.text = encode(empty_state())
        self.segments: dict[str, str] = {}
        self.opened = 0

    def take(self, *batch: ObservedVitals, context: PatientContext = ADULT) -> Changes:
        head = decode(self.text)
        known = {id_ for text in self.segments.values() for id_ in decode(text)["rows"]} | set(head["rows"])
        everywhere = head["context"] != encode_context(context)
        anywhere = everywhere or any(each.id in known or not each.has_place for each in batch)
        instants = [to_us(each.at) for each in batch if each.at and each.has_place]
        first = first_needed(head, instants, self.sizes, anywhere=anywhere)
        contents = [decode(self.segments[name]) for name in names_from(head, first)]
        self.opened = len(contents)
        state, changes = advance(opened(head, contents), batch, context)
        result = sealed(state, head, contents, self.sizes)
        assert not set(result.new) & set(self.segments)
        self.segments.update(result.new)
        for name in result.gone:
            del self.segments[name]
        self.keep(result.head, changes)
        assert names_from(result.head, 0) == list(dict.fromkeys(names_from(result.head, 0)))
        assert set(self.segments) == set(names_from(result.head, 0))
        return changes


@settings(max_examples=400, deadline=None)
@given(READINGS, st.randoms(use_true_random=False))
def test_pieces_equal_the_fold_in_any_order_of_arrival(readings: list[ObservedVitals], chance) -> None:  # type: ignore[no-untyped-def]
    pieces, whole = Pieces(), Store()
    rest = list(readings)
    while rest:
        number = chance.randint(1, 4)
        batch, rest = rest[:number], rest[number:]
        pieces.take(*batch)
        whole.take(*batch)
        assert pieces.result() == whole.result()
    assert pieces.result() == _canonical(fold(readings, ADULT))


def test_a_segment_that_comes_to_what_it_was_before_is_not_made_again() -> None:
    pieces, whole = Pieces(), Store()
    oxygen = {"rr": "25", "o2": "oxygen"}
    readings = [
        observed("a", 0, 1, **oxygen), observed("a", 30, 2, **oxygen), observed("b", 5, 2, **oxygen),
        observed("c", 0, 1, **oxygen), observed("c", 5, 2, **oxygen), observed("d", 0, 1, **oxygen),
        observed("e", 0, 1, **oxygen), observed("f", 0, 1, **oxygen), observed("d", 5, 2, **oxygen),
        observed("e", 30, 2, **oxygen), observed("f", 5, 2, **oxygen), observed("b", 0, 1, **oxygen),
    ]  # fmt: skip
    for each in readings:
        pieces.take(each)
        whole.take(each)
    assert pieces.result() == whole.result() == _canonical(fold(readings, ADULT))


def test_an_append_opens_nothing_until_the_head_is_full() -> None:
    pieces = Pieces(Sizes(most_in_head=10, kept_in_head=4, segment=100))
    opened_at = []
    for minute in range(60):
        pieces.take(observed(f"r{minute:02d}", minute, **(WORSE if minute % 20 < 5 else WELL)))
        opened_at += [minute] if pieces.opened else []
    assert len(opened_at) == 7  # once in seven: to put what leaves the head beside what left it before
    assert len(pieces.segments) == 1


def test_a_reading_out_of_order_opens_only_what_lies_behind_it() -> None:
    pieces = Pieces()
    for minute in range(0, 60, 2):
        pieces.take(observed(f"r{minute:02d}", minute, **WELL))
    segments = len(pieces.segments)
    pieces.take(observed("late", 51, **SICK))
    assert 0 < pieces.opened <= 3 < segments


def test_segments_leave_with_the_window() -> None:
    pieces, everything = Pieces(), []
    for hour in range(24 * 8):
        everything.append(observed(f"r{hour:03d}", hour * 60, **(SICK if hour % 5 else WELL)))
        pieces.take(everything[-1])
    assert len(pieces.segments) <= 49 // 2 + 1
    assert len(decode(pieces.text)["older"]["closed"][0]) < 50
    assert pieces.result() == _canonical(fold(everything, ADULT))


def test_a_context_that_changes_scores_every_segment_again() -> None:
    pieces = Pieces()
    readings = [observed(f"r{minute:02d}", minute, rr="16", spo2="90", o2="air") for minute in range(20)]
    for each in readings:
        pieces.take(each)
    hypercapnic = PatientContext(ADULT.birth_date, pregnant=False, hypercapnic=True)
    pieces.take(context=hypercapnic)
    assert pieces.result() == _canonical(fold(readings, hypercapnic))


def test_acknowledges_an_episode_that_ended_before_the_head() -> None:
    pieces = Pieces()
    pieces.take(observed("a", 0, **(WELL | SICK)))
    for number in range(1, 12):
        pieces.take(observed(f"w{number:02d}", number * 30, **WELL))
    key = next(iter(pieces.alerts))
    after, changes = acknowledge(decode(pieces.text), key, by="nurse", at=NOON + timedelta(hours=7))
    assert [change.alert.acknowledged_by for change in changes.alerts] == ["nurse"]
    pieces.keep(after, changes)
    pieces.take(observed("late", 5, **(WELL | WORSE)))
    assert pieces.alerts[key].acknowledged_by == "nurse"
