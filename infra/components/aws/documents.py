"""IAM documents: who trusts whom, and what a statement says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi

Statement = Mapping[str, Any]


def document(*statements: Statement) -> pulumi.Output[str]:
    """A policy of these statements, as the text that IAM takes."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: Sequence[str], *resources: pulumi.Input[str], **more: Any) -> Statement:
    """What may be done with what."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources), **more}


LAMBDA: Final = "lambda.amazonaws.com"
OWN_ROLES_ONLY: Final = frozenset(
    {LAMBDA, "apigateway.amazonaws.com", "backup.amazonaws.com", "s3.amazonaws.com"}
)
"""Services that are not known to say for whom they take a role, and take only roles of the account that told them to: what
their own guides trust has no condition, and one that does not hold would be found when a copy is missing.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
"""


def trust(service: str, account: pulumi.Input[str]) -> pulumi.Output[str]:
    """A service may take the role, for this account only: not as somebody else's deputy."""
    taken = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    ours = {"Condition": {"StringEquals": {"aws:SourceAccount": account}}}
    return document({**taken, **({} if service in OWN_ROLES_ONLY else ours)})
