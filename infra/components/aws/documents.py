"""IAM documents: who trusts whom, and what a statement says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

Statement = Mapping[str, Any]


def document(*statements: Statement) -> pulumi.Output[str]:
    """A policy of these statements, as the text that IAM takes."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: Sequence[str], *resources: pulumi.Input[str], **more: Any) -> Statement:
    """What may be done with what."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources), **more}


def trust(service: str, account: pulumi.Input[str]) -> pulumi.Output[str]:
    """A service may take the role, for this account only: not as somebody else's deputy."""
    return document(
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": service},
            "Condition": {"StringEquals": {"aws:SourceAccount": account}},
        }
    )
