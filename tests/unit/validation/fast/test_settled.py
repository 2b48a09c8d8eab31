"""Which invariants a shape settles."""

from __future__ import annotations

import pytest

from shared.domain.fhir import fhirpath
from shared.domain.fhir.validation.fast.settled import surely_holds

CASES = [
    ("code.empty() or system.exists()", "", True),
    ("code.empty() or system.exists()", "code", False),
    ("code.empty() or system.exists()", "code system", True),
    ("start.exists() = end.exists()", "", True),
    ("start.exists() = end.exists()", "start", False),
    ("start.exists() = end.exists()", "start end", True),
    ("extension.exists() != value.exists()", "value", True),
    ("extension.exists() != value.exists()", "value extension", False),
    ("operation.exists() xor assert.exists()", "assert", True),
    ("operation.exists() xor assert.exists()", "operation assert", False),
    ("searchType.exists() implies type = 'string'", "", True),
    ("searchType.exists() implies type = 'string'", "searchType type", False),
    ("type = 'string' implies searchType.exists()", "searchType", True),
    ("(implementation.exists().not() and software.exists())", "software", True),
    ("total.empty() or (type = 'searchset')", "type", True),
    ("total.empty() or (type = 'searchset')", "type total", False),
    ("entry.search.empty() or (type = 'searchset')", "type", True),
    ("entry.search.empty() or (type = 'searchset')", "type entry", False),
    ("Thing.reason.exists() implies Thing.status = 'noshow'", "status", True),
    ("name.matches('[A-Z]+')", "", False),
    ("name.matches('[A-Z]+')", "name", False),
    ("participant.all(actor.exists())", "", True),
    ("participant.select(actor).isDistinct()", "", True),
    ("start.hasValue().not() or end.hasValue().not() or (start <= end)", "start", True),
    ("start.hasValue().not() or end.hasValue().not() or (start <= end)", "start end", False),
    ("(code | value).exists()", "code", False),
    ("value.empty() or value > 0", "value", False),
    ("contact.exists(name = 'x').not()", "contact", False),
    ("contact.exists(name = 'x').not()", "", True),
    ("repeats = true or initial.count() <= 1", "", True),
    ("repeats = true or initial.count() <= 1", "initial", False),
    ("rule.count() > 1 implies behavior.exists()", "", True),
    ("rule.count() > 1 implies behavior.exists()", "rule", False),
    ("rule.count() > 1 implies behavior.exists()", "rule behavior", True),
    ("rule.count() >= 1", "rule", True),
    ("rule.count() < 1", "", True),
    ("1 > rule.count()", "", True),
    ("(name | code).count() > 0", "name", False),
    ("probability is decimal implies probability <= 100", "", False),
]


@pytest.mark.parametrize(("expression", "present", "holds"), CASES)
def test_a_shape_settles_what_asks_for_names_only(expression: str, present: str, holds: bool) -> None:
    assert surely_holds(fhirpath.compile(expression).tree, set(present.split()), "Thing") is holds


@pytest.mark.parametrize(("expression", "present", "holds"), [case for case in CASES if case[2]])
def test_what_is_settled_is_true_when_evaluated(expression: str, present: str, holds: bool) -> None:
    values = dict.fromkeys(present.split(), "1")
    assert fhirpath.compile(expression).is_true(values, type_name="Thing") is holds
