"""The rules of the AWS stacks about who may do what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from infra.components.aws.alarms import BACKS_UP
from infra.components.aws.documents import OWN_ROLES_ONLY
from infra.components.aws.functions import NETWORK_ACTIONS
from infra.components.aws.live import PUSHES_LOGS
from infra.policies.rule import ACCESS, MINIMUM, Rule, at, types
from infra.recording import Recorded, Recording

_WITHOUT_RESOURCE: Final = {
    *NETWORK_ACTIONS,
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
"""Actions for which AWS knows no narrower resource than all."""
_READY_MADE: Final = frozenset({PUSHES_LOGS, BACKS_UP})
"""Policies of AWS that a role may have: those by which API Gateway writes its logs and the backups are made."""


def statements_of(each: Recorded) -> list[Mapping[str, Any]]:
    """The statements of a policy."""
    found: list[Mapping[str, Any]] = json.loads(each.inputs.get("policy") or '{"Statement": []}')["Statement"]
    return found


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _too_wide(each: Recorded, _: Recording) -> list[str]:
    found = []
    for statement in statements_of(each):
        actions, resources = _listed(statement.get("Action")), _listed(statement.get("Resource"))
        found += [f"allows {action}" for action in actions if "*" in action]
        if "*" in resources:
            found += [f"allows {a} on everything" for a in actions if a not in _WITHOUT_RESOURCE]
        found += [f"reaches {r}" for r in resources if r != "*" and (":::*" in r or r.endswith(":*:*"))]
    return found


def _has_ready_made(each: Recorded, _: Recording) -> list[str]:
    """Whether a role holds a policy that the rules on policies do not see."""
    attached = [each.inputs.get("policyArn"), *(each.inputs.get("managedPolicyArns") or ())]
    found = [f"holds {arn}" for arn in attached if arn is not None and arn not in _READY_MADE]
    return found + ["holds a policy of its own making"] * bool(each.inputs.get("inlinePolicies"))


def _of_functions(recording: Recording) -> list[Recorded]:
    """What functions may do, the Spark jobs aside, which rewrite tables."""
    named = {f"{each.name}-needs" for each in recording.of_type("aws:lambda:Function")}
    return [each for each in recording.of_type("aws:iam:RolePolicy") if each.name in named]


def _writes_anywhere(each: Recorded, _: Recording) -> list[str]:
    """A function makes files below the folders of its own work, and no other."""
    return [
        f"makes files anywhere in {resource.rpartition(':')[2]}"
        for statement in statements_of(each)
        if "s3:PutObject" in _listed(statement.get("Action"))
        for resource in _listed(statement.get("Resource"))
        if resource.count("/") < 2 and "*" in resource
    ]


def _trusts_anybody(each: Recorded, _: Recording) -> list[str]:
    found = []
    for statement in json.loads(each.inputs["assumeRolePolicy"])["Statement"]:
        service = at(statement, "Principal", "Service")
        if service is None:
            found.append("is trusted to another than a service")
        if service not in OWN_ROLES_ONLY and not at(
            statement, "Condition", "StringEquals", "aws:SourceAccount"
        ):
            found.append("is trusted on behalf of any account")
    return found


def _calls_anybody(each: Recorded, _: Recording) -> list[str]:
    return [] if each.inputs.get("sourceArn") else ["lets a service call on behalf of anybody"]


def _shares_role(each: Recorded, recording: Recording) -> list[str]:
    role = each.inputs.get("role")
    others = [f.name for f in recording.of_type("aws:lambda:Function") if f.inputs.get("role") == role]
    return [] if role and len(others) == 1 else ["shares its role"]


RIGHTS_RULES: Final = (
    Rule("least-actions", types("aws:iam:RolePolicy"), _too_wide, ("CIS AWS 1.16", MINIMUM)),
    Rule(
        "no-ready-made-rights",
        types("aws:iam:Role", "aws:iam:RolePolicyAttachment", "aws:iam:PolicyAttachment"),
        _has_ready_made,
        ("CIS AWS 1.16", MINIMUM),
    ),
    Rule("files-made-by-path", _of_functions, _writes_anywhere, (MINIMUM,)),
    Rule("roles-for-this-account", types("aws:iam:Role"), _trusts_anybody, (ACCESS,)),
    Rule("callers-named", types("aws:lambda:Permission"), _calls_anybody, (ACCESS,)),
    Rule("a-role-each", types("aws:lambda:Function"), _shares_role, (MINIMUM,)),
)
