"""What the stacks of AWS call, tell and feed the functions is what the functions are, read and take."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from functions.needs import RINGS, Thing
from infra.components.aws.function_plan import FunctionPlan, plans
from local.packaging.contents import LAMBDA_GROUPS
from shared.names import HUBS, REACTIONS_FUNCTION, SECRET_LINK_KEY, SECRET_SETTINGS, secret_variable
from shared.settings import AWS, read_settings
from tests.docs.documents import codes_in, table_after, text_of
from tests.infra.stacks import recorded

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore:.* has been deprecated in favor of:DeprecationWarning"),
]
STACK = "aws-prod"
PLANS = plans(40)
SECRET_VALUES = dict.fromkeys(SECRET_SETTINGS.values(), "k" * 32)


def variables(plan: FunctionPlan) -> dict[str, str]:
    """The environment of a function as the stack has it."""
    name = f"{recorded(STACK).config.name('fn')}-{plan.name.replace('_', '-')}"
    (function,) = [
        each for each in recorded(STACK).recording.of_type("aws:lambda:Function") if each.name == name
    ]
    assert function.inputs["handler"] == plan.handler
    found: dict[str, str] = function.inputs["environment"]["variables"]
    return found


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_a_handler_that_the_stack_names_is_there(plan: FunctionPlan) -> None:
    module, _, name = plan.handler.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


def test_every_function_of_a_module_is_in_the_stack_and_every_group_has_a_package() -> None:
    assert {plan.group for plan in PLANS} == set(LAMBDA_GROUPS)
    for group in LAMBDA_GROUPS:
        module = importlib.import_module(f"functions.aws.{group}")
        assert set(module.NEEDS) == {plan.name for plan in PLANS if plan.group == group}


def test_both_clouds_serve_the_same_functions_with_the_same_needs() -> None:
    """On AWS the schedule of the tables starts the job itself, and functions of their own ring for live updates."""
    for group in set(LAMBDA_GROUPS) - {"live"}:
        azure = dict(importlib.import_module(f"functions.azure.{group}").NEEDS)
        azure.pop("tables", None)
        shared = {name: tuple(need for need in needs if need != RINGS) for name, needs in azure.items()}
        assert shared == importlib.import_module(f"functions.aws.{group}").NEEDS


@pytest.mark.parametrize("plan", [p for p in PLANS if p.group != "live"], ids=lambda plan: plan.name)
def test_the_settings_of_the_stack_start_the_app_on_aws(plan: FunctionPlan) -> None:
    told = variables(plan)
    settings = read_settings({**told, **SECRET_VALUES, "AWS_REGION": "eu-central-1"})
    assert settings.cloud == AWS
    assert settings.table == told["GALEN_TABLE"] != ""
    assert len({settings.streams[hub] for hub in HUBS}) == len(HUBS)
    assert settings.lake_bucket != settings.landing_bucket
    assert settings.live_url.startswith("wss://")


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_a_function_is_told_of_the_secrets_that_it_may_read_and_no_others(plan: FunctionPlan) -> None:
    may_read = {need.name for need in plan.needs if need.thing is Thing.SECRET}
    told = {name for name in variables(plan) if name.startswith("GALEN_SECRET_")}
    assert told == {secret_variable(secret) for secret in may_read}
    assert (SECRET_LINK_KEY in may_read) == (plan.name not in ("live", "ring"))


def test_what_the_stack_sets_is_a_setting_of_the_app() -> None:
    known = {codes_in(row[1])[0] for row in table_after(text_of("README.md"), "| field | variable |")}
    known |= {secret_variable(secret) for secret in SECRET_SETTINGS}
    (api,) = [plan for plan in PLANS if plan.group == "http"]
    assert set(variables(api)) - known == {"GALEN_CONNECTIONS_TABLE"}


def test_the_entries_of_the_search_index_wake_no_reaction() -> None:
    """An item has its kind in `k`, an entry of the index has none."""
    (mapping,) = [
        each
        for each in recorded(STACK).recording.of_type("aws:lambda:EventSourceMapping")
        if REACTIONS_FUNCTION in each.name
    ]
    (one,) = mapping.inputs["filterCriteria"]["filters"]
    pattern: dict[str, Any] = json.loads(one["pattern"])
    assert pattern == {"dynamodb": {"NewImage": {"k": {"S": [{"exists": True}]}}}}
