"""docs/api.md says what the API does: endpoints, scopes, search parameters, device metrics."""

from __future__ import annotations

import pytest

from function_app import app
from functions.api.alerts import AlertFeed
from functions.api.endpoints import endpoints
from functions.api.routing import Endpoint
from shared.domain.access.scopes import PERMISSIONS
from shared.domain.devices import metrics
from shared.domain.fhir.resource_types import RESOURCE_TYPES
from shared.domain.fhir.search_request import search_parameters
from shared.domain.records import Kind
from shared.domain.versioning import Decision
from tests.docs.documents import codes_in, table_after, text_of

API = text_of("docs/api.md")
ENDPOINTS = {f"{each.method} {each.template}": each for each in endpoints(AlertFeed(streaming=False))}
ROWS = {codes_in(row[0])[0]: row[1] for row in table_after(API, "| endpoint | scopes")}


def test_every_endpoint_is_documented() -> None:
    assert set(ROWS) == set(ENDPOINTS)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_the_scopes_of_an_endpoint_are_the_ones_it_checks(name: str) -> None:
    endpoint: Endpoint = ENDPOINTS[name]
    assert codes_in(ROWS[name]) == [
        f"{type_}.{PERMISSIONS[interaction]}" for type_, interaction in endpoint.needs
    ]
    assert ("no token" in ROWS[name]) == endpoint.public


def test_every_search_parameter_is_documented_with_its_type() -> None:
    documented = {(codes_in(row[0])[0], row[1]) for row in table_after(API, "| parameter | type |")}
    assert documented == {pair for type_ in RESOURCE_TYPES for pair in search_parameters(type_).items()}


def test_every_device_metric_is_documented() -> None:
    rows = table_after(API, "| metric | unit |")
    assert {name for row in rows for name in codes_in(row[0])} == set(metrics.KNOWN)
    for row in rows:
        for name in codes_in(row[0]):
            if name in metrics.METRICS:
                assert codes_in(row[1]) == list(metrics.METRICS[name].units)


def test_every_kind_of_item_is_in_the_architecture_and_the_glossary() -> None:
    rows = table_after(text_of("docs/architecture.md"), "| kind | id |")
    assert {codes_in(row[0])[0] for row in rows} == {kind.value for kind in Kind}
    words = [row[0] for row in table_after(text_of("GLOSSARY.md"), "| word | meaning |")]
    assert {kind.value for kind in Kind} <= set(words)


def test_the_glossary_is_in_order_and_has_each_word_once() -> None:
    words = [row[0] for row in table_after(text_of("GLOSSARY.md"), "| word | meaning |")]
    assert words == sorted(set(words))


def test_every_decision_on_a_version_is_documented_with_its_metric() -> None:
    rows = table_after(text_of("docs/operations.md"), "| metric | kind |")
    row = next(row for row in rows if codes_in(row[0]) == ["galen_versions_total"])
    assert set(codes_in(row[3])) == {decision.value for decision in Decision}


def test_every_function_is_in_the_architecture_with_its_trigger() -> None:
    rows = table_after(text_of("docs/architecture.md"), "| function | trigger |")
    words = {"httpTrigger": "HTTP", "eventHubTrigger": "Event Hubs", "eventGridTrigger": "Event Grid"}
    words |= {"cosmosDBTrigger": "Cosmos DB change feed", "timerTrigger": "timer"}
    documented = {codes_in(row[0])[0]: row[1].partition(",")[0] for row in rows}
    triggers = {each.get_function_name(): each.get_trigger() for each in app.get_functions()}
    assert documented == {name: words[str(trigger.type)] for name, trigger in triggers.items() if trigger}
