"""The rules over the recorded inputs of every resource of every stack; each rule catches the mutant that breaks it."""

from __future__ import annotations

import json
import re
from collections import Counter
from fnmatch import fnmatchcase
from typing import Any

import pytest

pytest.importorskip(
    "pulumi_azure_native", reason="not tested: the infrastructure, whose dependency group is not installed"
)

from functions.azure import http, landing, reactions, schedules, streams
from functions.needs import Access, Thing
from infra.components.aws.function_plan import FunctionPlan, plans
from infra.components.aws.rights import ACTIONS, LISTS
from infra.components.azure.functions_app import HOST_ROLES
from infra.components.azure.roles import Role, role_of
from infra.config import StackConfig
from infra.document import page
from infra.drawing import draw
from infra.policies.aws import RULES as AWS_RULES
from infra.policies.azure import RULES as AZURE_RULES
from infra.policies.rule import Rule, examine
from infra.program import RecordedStack, provision, rules_of
from infra.recording import Recording, record
from local.cli.infra import PAGE
from local.layout import CHECKOUT
from shared import names
from shared.names import (
    AUDIT_CONTAINER,
    CAPTURE_CONTAINER,
    CHECKPOINTS_CONTAINER,
    CONSUMER_GROUP,
    HUBS,
    LAKE_FILE_SYSTEM,
    LANDING_FILE_SYSTEM,
    MODELS_CONTAINER,
    RECORDS_PARTITION_KEY,
)
from tests.infra.aws_mutants import MUTANTS as AWS_MUTANTS
from tests.infra.azure_mutants import MUTANTS as AZURE_MUTANTS
from tests.infra.stacks import AWS, AZURE, Change, mutated, put, recorded
from tests.lazily import lazily

pytestmark = [
    pytest.mark.timeout(900),
    # The kit for AWS warns of classes of its own when it is loaded.
    pytest.mark.filterwarnings("ignore:.* has been deprecated in favor of:DeprecationWarning"),
]
azure_stack = lazily("infra.azure.stack")
RULES = {"azure": AZURE_RULES, "aws": AWS_RULES}
MUTANTS: dict[str, dict[str, tuple[str, Change]]] = {"azure": AZURE_MUTANTS, "aws": AWS_MUTANTS}
EVERY = [(cloud, rule) for cloud, rules in RULES.items() for rule in rules]
STACKS = (*AZURE, *AWS)


DRIVERS = {
    "aws:lambda:EventSourceMapping", "aws:scheduler:Schedule", "aws:cloudwatch:EventTarget", "aws:apigatewayv2:Authorizer",
    "aws:apigatewayv2:Integration",
}  # fmt: skip


@pytest.fixture(scope="module")
def recording() -> Recording:
    """Production on Azure, which has everything."""
    return recorded("azure-prod").recording


@pytest.mark.parametrize("stack", STACKS)
def test_the_stack_keeps_every_rule(stack: str) -> None:
    found = recorded(stack)
    assert found.findings() == []
    examined = {rule.name: examine(rule, found.recording)[0] for rule in rules_of(found.config)}
    assert [name for name, count in examined.items() if count == 0] == []


def test_development_is_spared_what_is_for_production_only() -> None:
    spared = {rule.name for rule in AZURE_RULES} - {
        rule.name for rule in rules_of(recorded("azure-dev").config)
    }
    assert {"keys-of-ours", "front-door-firewall", "records-in-two-regions"} <= spared


@pytest.mark.parametrize(("cloud", "rule"), EVERY, ids=lambda each: getattr(each, "name", each))
def test_a_rule_that_examined_nothing_fails(cloud: str, rule: Rule) -> None:
    examined, findings = examine(rule, Recording())
    assert (examined, len(findings)) == (0, 1)


@pytest.mark.parametrize("cloud", RULES)
def test_every_rule_has_a_mutant(cloud: str) -> None:
    assert {rule.name for rule in RULES[cloud]} == set(MUTANTS[cloud])


@pytest.mark.parametrize(("cloud", "rule"), EVERY, ids=lambda each: getattr(each, "name", each))
def test_a_rule_catches_its_mutant(cloud: str, rule: Rule) -> None:
    type_, change = MUTANTS[cloud][rule.name]
    production = recorded(f"{cloud}-prod").recording
    records = "cosmosdb:SqlResourceSqlContainer"
    changed = mutated(
        production, type_, change, lambda each: type_ != records or each.inputs["containerName"] == "records"
    )
    assert examine(rule, changed)[1] != []


@pytest.mark.parametrize(
    ("rule", "path", "to"),
    [
        ("landing-expires", ("definition", "filters", "prefixMatch"), ["landing/one-tenant/"]),
        (
            "landing-expires",
            ("definition", "actions", "baseBlob", "delete"),
            {"daysAfterModificationGreaterThan": 1},
        ),
        ("only-landing-expires", ("definition", "filters", "prefixMatch"), ["landing/", "galen/raw/"]),
        ("only-landing-expires", ("definition", "filters", "prefixMatch"), ["land"]),
    ],
)
def test_a_lifecycle_that_takes_too_much_or_too_soon_is_found(
    rule: str, path: tuple[str, ...], to: Any, recording: Recording
) -> None:
    def change(inputs: dict[str, Any]) -> None:
        put(*path, to=to)(inputs["policy"]["rules"][0])

    changed = mutated(recording, "storage:ManagementPolicy", change)
    found = [examine(each, changed)[1] for each in AZURE_RULES if each.name == rule]
    assert found != [[]]


_SET = ("managedRules", "managedRuleSets", 0)


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ((*_SET, "exclusions"), [{"selector": "div"}]),
        ((*_SET, "ruleGroupOverrides", 0, "ruleGroupName"), "SQLI"),
        ((*_SET, "ruleGroupOverrides", 0, "exclusions", 1, "selector"), "div"),
        (("policySettings", "scrubbingRules", 4, "matchVariable"), "RequestIPAddress"),
    ],
)
def test_a_firewall_that_is_shown_less_or_logs_more_is_found(
    path: tuple[str | int, ...], to: Any, recording: Recording
) -> None:
    changed = mutated(recording, "frontdoor:Policy", put(*path, to=to))
    assert [rule.name for rule in AZURE_RULES if examine(rule, changed)[1]] != []


def test_provisions_exactly_the_names_that_the_app_uses(recording: Recording) -> None:
    def named(type_: str, key: str) -> set[str]:
        return {each.inputs[key] for each in recording.of_type(type_)}

    assert named("eventhub:EventHub", "eventHubName") == set(HUBS)
    assert named("eventhub:ConsumerGroup", "consumerGroupName") == {CONSUMER_GROUP}
    lake = {LANDING_FILE_SYSTEM, LAKE_FILE_SYSTEM, CHECKPOINTS_CONTAINER, AUDIT_CONTAINER}
    assert named("storage:BlobContainer", "containerName") == lake | {
        CAPTURE_CONTAINER,
        MODELS_CONTAINER,
        "packages",
    }
    keys = {
        each.inputs["containerName"]: each.inputs["resource"]["partitionKey"]["paths"]
        for each in recording.of_type("cosmosdb:SqlResourceSqlContainer")
    }
    assert keys == {"records": list(RECORDS_PARTITION_KEY), "leases": ["/id"]}


def test_the_app_is_told_of_files_in_landing_only_and_by_its_event_trigger(recording: Recording) -> None:
    (subscription,) = recording.of_type("eventgrid:SystemTopicEventSubscription")
    assert subscription.inputs["filter"]["subjectBeginsWith"].endswith(
        f"/containers/{LANDING_FILE_SYSTEM}/blobs/"
    )
    (destination,) = [
        value for value in subscription.inputs["destination"].values() if isinstance(value, dict)
    ] or [subscription.inputs["destination"]]
    assert destination["endpointType"] == "AzureFunction"
    assert destination["resourceId"].endswith("/functions/landing")


def test_before_the_app_is_published_there_is_no_subscription() -> None:
    first = recorded("azure-dev").recording
    assert first.of_type("eventgrid:SystemTopic")
    assert not first.of_type("eventgrid:SystemTopicEventSubscription")


@pytest.mark.parametrize("stack", STACKS)
def test_the_drawing_names_every_resource_and_who_may_do_what(stack: str) -> None:
    found = recorded(stack).recording
    drawn = "\n".join(draw(found))
    granted = ("authorization:RoleAssignment", "cosmosdb:SqlResourceSqlRoleAssignment", "aws:iam:RolePolicy")
    assert [each.name for each in found.cloud() if each.type not in granted and each.name not in drawn] == []


def test_the_drawing_says_rights_in_words() -> None:
    azure, aws = ("\n".join(draw(recorded(stack).recording)) for stack in ("azure-prod", "aws-prod"))
    assert re.search(r"event hubs receiver +eventhub:EventHub/galen-streams-prod-clinical-events", azure)
    assert "cosmos data contributor" in azure
    assert re.search(r"galen-fn-prod-landing +s3: GetObject +galen-lake-prod-landing/\*", aws)
    assert re.search(r"galen-fn-prod-react +s3: PutObject +galen-lake-prod-galen/raw/commits/\*", aws)


def test_the_page_of_the_stacks_is_the_one_that_the_command_writes() -> None:
    written = (CHECKOUT / PAGE).read_text("utf-8")
    assert written == page({stack: recorded(stack) for stack in STACKS})


def test_the_days_of_dropped_files_are_the_stacks() -> None:
    kept = record(lambda: provision(StackConfig(landing_days=45)))
    (policy,) = kept.of_type("storage:ManagementPolicy")
    rule = next(each for each in policy.inputs["policy"]["rules"] if each["name"] == "landing-expires")
    delete = rule["definition"]["actions"]["baseBlob"]["delete"]
    assert delete == {"daysAfterModificationGreaterThan": 45}


def _of_app(found: RecordedStack) -> set[tuple[str, str]]:
    """What is granted to the app's identity: each role, and the last part of its scope."""
    name = found.config.name("app")
    return {
        (
            str(each.inputs["roleDefinitionId"]).rpartition("/")[2],
            str(each.inputs["scope"]).rpartition("/")[2],
        )
        for each in found.recording.of_type(
            "authorization:RoleAssignment", "cosmosdb:SqlResourceSqlRoleAssignment"
        )
        if each.inputs["principalId"] == f"principal-of-{name}-identity"
    }


@pytest.mark.parametrize("stack", AZURE)
def test_the_app_is_granted_what_its_functions_need_and_nothing_else(stack: str) -> None:
    found = recorded(stack)
    config = found.config
    places = {
        Thing.STREAM: lambda need: f"{config.name('streams')}-{need.name}",
        Thing.FILES: lambda need: f"{config.name('lake')}-{need.name}",
        Thing.SECRET: lambda need: config.name("kv"),
        Thing.TELEMETRY: lambda need: f"{config.name('watch')}-insights",
        Thing.RECORDS: lambda need: "galen",
        Thing.LIVE_UPDATES: lambda need: f"{config.name('dashboard')}-live",
    }
    needed = {
        (role.value if isinstance(role, Role) else role, places[need.thing](need))
        for need in azure_stack.app_needs()
        for role in [role_of(need)]
    }
    needed.remove(
        (Role.BLOB_READER.value, f"{config.name('lake')}-{LAKE_FILE_SYSTEM}")
    )  # who changes files reads them
    host = {(role.value, config.compact_name("host")) for role in HOST_ROLES}
    assert _of_app(found) == needed | host


def test_the_app_changes_files_of_the_lake_where_its_functions_do_and_nowhere_else() -> None:
    (held,) = [
        str(each.inputs["condition"])
        for each in recorded("azure-prod").recording.of_type("authorization:RoleAssignment")
        if each.inputs.get("condition") and "-serves-" not in each.name  # the image's, which is the API alone
    ]
    written = {
        need.path
        for need in azure_stack.app_needs()
        if need.thing is Thing.FILES and need.access in (Access.ADD, Access.WRITE)
    }
    assert set(re.findall(r":path] StringLike '([^']+)'", held)) == written
    actions = re.findall(r"!\(ActionMatches\{'[^']+/blobs/([a-z/]+)'\}\)", held)
    assert actions == ["write", "add/action", "delete", "move/action"]
    models, tables = names.MODEL_ARTEFACTS, names.TABLES["bronze_resources"]
    assert not [
        path
        for path in written
        for file in (f"{models}/m/champion.json", f"{tables}/x")
        if fnmatchcase(file, path)
    ]


def _granted(found: RecordedStack, function: str) -> set[tuple[str, str]]:
    """What a function's own policy allows: each action with each resource."""
    name = f"{found.config.name('fn')}-{function.replace('_', '-')}-needs"
    (policy,) = [each for each in found.recording.of_type("aws:iam:RolePolicy") if each.name == name]
    return {
        (action, resource)
        for statement in json.loads(policy.inputs["policy"])["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


@pytest.mark.parametrize("plan", plans(40), ids=lambda plan: plan.name)
def test_a_lambda_function_is_granted_the_actions_of_its_needs_and_nothing_else(plan: FunctionPlan) -> None:
    granted = _granted(recorded("aws-prod"), plan.name)
    needed = {action for need in plan.needs for action in ACTIONS[need.thing, need.access]}
    keys = {"kms:Decrypt", "kms:GenerateDataKey"}
    assert {action for action, _ in granted} - keys == needed
    lake = recorded("aws-prod").config.name("lake")
    files = {
        (action, f"arn:aws:s3:::{lake}-{need.name}" + ("" if action == LISTS else f"/{need.path or '*'}"))
        for need in plan.needs
        if need.thing is Thing.FILES
        for action in ACTIONS[need.thing, need.access]
    }
    assert {each for each in granted if each[0].startswith("s3:")} == files
    things = {need.name for need in plan.needs if need.thing in (Thing.STREAM, Thing.SECRET)}
    about = [resource for action, resource in granted if action.startswith(("kinesis:", "secretsmanager:"))]
    assert things == {thing for thing in things if any(resource.endswith(f"-{thing}") for resource in about)}
    assert [r for r in about if not any(r.endswith(f"-{thing}") for thing in things)] == []


def test_who_takes_tickets_makes_nobody_a_listener() -> None:
    policies = recorded("aws-prod").recording.of_type("aws:iam:RolePolicy")
    (text,) = [each.inputs["policy"] for each in policies if each.name.endswith("-authorise-needs")]
    (puts,) = [each for each in json.loads(text)["Statement"] if each["Action"] == ["dynamodb:PutItem"]]
    assert puts["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["ticket/*"]}}


def test_a_function_that_needs_more_is_granted_more() -> None:
    granted = _granted(recorded("aws-prod"), "watch")
    assert not [action for action, _ in granted if action == "s3:PutObject"]
    assert [action for action, _ in _granted(recorded("aws-prod"), "inspect") if action == "s3:PutObject"]


@pytest.mark.parametrize("most", [40, 200, 1000])
def test_what_is_reserved_leaves_the_account_room(most: int) -> None:
    """An account runs a thousand functions at once unless it asked for more, and a hundred must stay unreserved."""
    assert sum(plan.at_once for plan in plans(most)) <= min(most, 850)
    assert all(plan.at_once >= 1 for plan in plans(most))
    fed_by_shards = [plan for plan in plans(most) if plan.group in ("streams", "reactions")]
    assert all(plan.at_once >= names.HUB_PARTITIONS for plan in fed_by_shards)


def test_every_lambda_function_is_driven_by_something() -> None:
    found = recorded("aws-prod")
    prefix = f"{found.config.name('fn')}-"
    text = json.dumps(
        [dict(each.inputs) for each in found.recording.cloud() if each.type in DRIVERS], default=str
    )
    driven = {plan.name for plan in plans(40) if f"function/{prefix}{plan.name.replace('_', '-')}" in text}
    assert {plan.name for plan in plans(40)} - driven == set()


def test_every_function_declares_what_it_needs() -> None:
    golden = json.loads((CHECKOUT / "tests/host/golden/galen.json").read_text("utf-8"))
    declared = [name for module in (http, landing, reactions, schedules, streams) for name in module.NEEDS]
    assert sorted(declared) == sorted(each["name"] for each in golden)


def test_a_need_that_no_function_declares_is_no_grant() -> None:
    """Nobody sends events or writes what partners dropped; nobody but the jobs and the inference touches models."""
    needs = azure_stack.app_needs()
    assert not [need for need in needs if (need.thing, need.access) == (Thing.STREAM, Access.SEND)]
    changes = (Access.ADD, Access.WRITE, Access.REPLACE)
    written = {need.name for need in needs if need.thing is Thing.FILES and need.access in changes}
    assert written == {LAKE_FILE_SYSTEM}


COUNTS = {
    "azure-dev": {
        "authorization:RoleAssignment": 21, "network:PrivateEndpoint": 14, "storage:BlobContainer": 7,
        "eventhub:EventHub": len(HUBS), "keyvault:Key": 0, "frontdoor:Policy": 0, "sql:Database": 1,
        "databricks:Workspace": 1, "datafactory:Pipeline": 4, "webpubsub:WebPubSub": 1, "app:ContainerApp": 2,
    },
    "aws-dev": {
        "aws:lambda:Function": 11 + len(HUBS), "aws:iam:Role": 16 + len(HUBS), "aws:kinesis:Stream": len(HUBS),
        "aws:kms:Key": 1, "aws:s3:Bucket": 8, "aws:dynamodb:Table": 2, "aws:ec2:VpcEndpoint": 11,
        "aws:scheduler:Schedule": 8, "aws:emrserverless:Application": 1, "aws:rds:ClusterInstance": 1, "aws:wafv2:WebAcl": 1,
    },
    "aws-prod": {
        "aws:lambda:Function": 11 + len(HUBS), "aws:iam:Role": 18 + len(HUBS), "aws:kinesis:Stream": len(HUBS),
        "aws:kms:Key": 10, "aws:s3:Bucket": 10, "aws:dynamodb:Table": 2, "aws:ec2:VpcEndpoint": 11,
        "aws:scheduler:Schedule": 8, "aws:emrserverless:Application": 1, "aws:rds:ClusterInstance": 2, "aws:wafv2:WebAcl": 1,
    },
    "azure-prod": {
        "authorization:RoleAssignment": 22, "network:PrivateEndpoint": 15, "storage:BlobContainer": 7,
        "eventhub:EventHub": len(HUBS), "keyvault:Key": 7, "frontdoor:Policy": 1, "sql:Database": 1,
        "databricks:Workspace": 1, "datafactory:Pipeline": 4, "webpubsub:WebPubSub": 1, "app:ContainerApp": 2,
    },
}  # fmt: skip


@pytest.mark.parametrize("stack", COUNTS)
def test_a_stack_has_so_many_resources_of_each_type(stack: str) -> None:
    found = Counter(each.type for each in recorded(stack).recording.resources)
    hubs_beyond_two = len(HUBS) - 2
    expected = dict(COUNTS[stack])
    if "authorization:RoleAssignment" in expected:
        expected["authorization:RoleAssignment"] += hubs_beyond_two
    assert {type_: found[type_] for type_ in expected} == expected
