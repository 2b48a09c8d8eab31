"""Our automaton finds what Python's `re` finds, in time that does not depend on the pattern's malice."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.fhir import fhirpath
from shared.domain.fhir.fhirpath.regex import compile_pattern

ATOMS = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", r"\w", r"\d", r"\s", "^", r"\b", "[a-c0]"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        inner.map(lambda part: f"({part})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "*?", "+?", "{2}", "{1,2}", "{2,}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=8,
)


def unbounded(_: int) -> None:
    """Work that is not counted."""


@settings(max_examples=300, derandomize=True, deadline=None)
@given(PATTERNS, st.text("abc0 \n", max_size=8))
def test_matches_where_re_matches(pattern: str, text: str) -> None:
    theirs, ours = re.compile(pattern, re.DOTALL | re.ASCII), compile_pattern(pattern)
    assert ours.is_found(text, unbounded) is (theirs.search(text) is not None)
    assert ours.is_whole(text, unbounded) is (theirs.fullmatch(text) is not None)


@pytest.mark.parametrize(
    "pattern", ["(a+)+b", "(a|a)*b", "(a*)*b", "a*a*a*a*a*b", "(?:a?){30}a{30}b", "(.*)(.*)(.*)(.*)[0-9]x"]
)
def test_patterns_that_backtrack_take_no_longer_than_others(pattern: str) -> None:
    assert not compile_pattern(pattern).is_found("a" * 20_000, unbounded)


@pytest.mark.parametrize(
    ("pattern", "text", "substitution", "expected"),
    [
        (
            r"\\b(?<month>\\d{1,2})/(?<day>\\d{1,2})/(?<year>\\d{2,4})\\b",
            "11/30/1972",
            "${day}-${month}-${year}",
            "30-11-1972",
        ),
        (r"(a)(b)?", "ab a", "[$2$1]", "[ba] [a]"),
        (r"\\..*", "Patient.name.given", "", "Patient"),
        (r"x*", "abc", "-", "-a-b-c-"),
        (r"a+?", "aaa", "b", "bbb"),
        (r"a|ab", "ab", "x", "xb"),
    ],
)
def test_replaces_what_matches(pattern: str, text: str, substitution: str, expected: str) -> None:
    expression = f"'{text}'.replaceMatches('{pattern}', '{substitution}')"
    assert fhirpath.compile(expression).evaluate({}) == [expected]


@pytest.mark.parametrize(
    "pattern",
    [
        *("(", ")", "[a", "a{2,1}", "*a", "a**", r"(a)\\1", "(?=a)", "(?<!a)b", "a++", "(?i)a"),
        *("((a{900}){900}){900}", "(" * 2_000 + ")" * 2_000, "(?:(?:(?:){1000}){1000}){1000}"),
    ],
)
def test_what_no_automaton_does_is_refused(pattern: str) -> None:
    with pytest.raises(fhirpath.FhirPathError, match="regular expression"):
        fhirpath.compile(f"'a'.matches('{pattern}')").evaluate({})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (r"'Ångström'.matches('^\\p{Lu}\\p{Ll}+$')", True),
        (r"'a]b'.matches('a]b')", True),
        (r"'a-b'.matches('^[\\w-]+$')", True),
        (r"'x\ny'.matches('^y', 'm')", True),
        (r"'ABC'.matches('[a-c]{3}', 'i')", True),
    ],
)
def test_classes_and_flags_mean_what_they_mean_elsewhere(expression: str, expected: bool) -> None:
    assert fhirpath.compile(expression).evaluate({}) == [expected]


def test_work_on_long_texts_is_bounded() -> None:
    focus = {"resourceType": "Basic", "text": "a" * 20_000}
    with pytest.raises(fhirpath.FhirPathLimitError):
        fhirpath.compile("text.replaceMatches('a*b', '')").evaluate(focus)
