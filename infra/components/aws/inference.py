"""The registry of models' images, and the function that answers from one of them.

https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_aws import ecr, iam, lambda_

from functions.needs import ANSWERS, Thing, without_included
from infra.components.aws.documents import LAMBDA, allow, document, trust
from infra.components.aws.functions import NETWORK_ACTIONS
from infra.components.aws.rights import Places, statements
from infra.components.aws.surroundings import Surroundings
from infra.config import Classification
from infra.scaling import scaling
from shared.names import INFERENCE_APP, secret_variable

INFERENCE_NEEDS: Final = without_included(ANSWERS)
"""The image is the API without its token endpoint: it believes issuers by their public keys."""


@dataclass(frozen=True, slots=True)
class InferenceArgs:
    """Where, where things are, the API's settings, and the ARN of each secret."""

    around: Surroundings
    places: Places
    settings: Mapping[str, pulumi.Input[str]]
    secrets: Mapping[str, pulumi.Input[str]]


class Inference(pulumi.ComponentResource):
    """Images are scanned when they are pushed and never replaced under their tag."""

    def __init__(self, name: str, args: InferenceArgs) -> None:
        around = args.around
        super().__init__("galen:aws:Inference", name, None, around.opts)
        child = pulumi.ResourceOptions(parent=self)
        tags = around.config.tags(Classification.OPERATIONAL)
        repository = self._images(name, around)
        path = f"/aws/lambda/{name}-{INFERENCE_APP}"
        group = around.observability.log_group(f"{name}-{INFERENCE_APP}", path)
        role = iam.Role(
            f"{name}-role",
            assume_role_policy=trust(LAMBDA, around.account),
            tags=tags,
            opts=child,
        )
        key = around.keys.of("functions")
        rights = iam.RolePolicy(
            f"{name}-needs",
            role=role.id,
            policy=document(
                *statements(INFERENCE_NEEDS, args.places),
                allow(["logs:CreateLogStream", "logs:PutLogEvents"], pulumi.Output.concat(group.arn, ":*")),
                allow(NETWORK_ACTIONS, "*"),
                *([allow(["kms:Decrypt"], key)] if key is not None else []),
            ),
            opts=child,
        )
        read = sorted(need.name for need in INFERENCE_NEEDS if need.thing is Thing.SECRET)
        size = scaling(around.config, "inference")
        tag = around.config.inference_image.partition(":")[2] or "1"
        lambda_.Function(
            f"{name}-{INFERENCE_APP}",
            name=f"{name}-{INFERENCE_APP}",
            package_type="Image",
            image_uri=pulumi.Output.concat(repository.repository_url, ":", tag),
            architectures=["arm64"],
            role=role.arn,
            memory_size=2048,
            timeout=29,
            reserved_concurrent_executions=int(size.most),
            environment={
                "variables": {
                    **args.settings,
                    "GALEN_STREAMS_ASKED": "false",
                    **{secret_variable(each): args.secrets[each] for each in read},
                }
            },
            kms_key_arn=key,
            vpc_config={
                "subnet_ids": around.network.subnet_ids,
                "security_group_ids": [around.network.workload_group_id],
            },
            tracing_config={"mode": "Active"},
            logging_config={"log_format": "JSON", "log_group": path},
            tags=around.config.tags(Classification.PHI),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[group, rights]),
        )
        self.register_outputs({"repository": repository.repository_url})

    def _images(self, name: str, around: Surroundings) -> ecr.Repository:
        key = around.keys.of("images")
        encryption: dict[str, Any] = {"encryption_type": "KMS", "kms_key": key}
        return ecr.Repository(
            f"{name}-images",
            name=around.config.inference_image.partition(":")[0],
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[encryption if key is not None else {"encryption_type": "AES256"}],
            force_delete=False,
            tags=around.config.tags(Classification.OPERATIONAL),
            opts=pulumi.ResourceOptions(parent=self),
        )
