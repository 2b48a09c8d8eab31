"""The registry of models' images, and the function that answers from one of them.

https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
"""

from __future__ import annotations

from typing import Any, Final

import pulumi
from pulumi_aws import ecr, iam, lambda_

from functions.needs import TELLS, reads
from infra.components.aws.documents import LAMBDA, allow, document, trust
from infra.components.aws.rights import Places, statements
from infra.components.aws.surroundings import Surroundings
from infra.config import Classification
from infra.scaling import scaling
from shared.names import INFERENCE_APP, MODELS_CONTAINER

INFERENCE_NEEDS: Final = frozenset({TELLS, reads(MODELS_CONTAINER)})


class Inference(pulumi.ComponentResource):
    """Images are scanned when they are pushed and never replaced under their tag."""

    def __init__(self, name: str, around: Surroundings, places: Places) -> None:
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
        iam.RolePolicy(
            f"{name}-needs",
            role=role.id,
            policy=document(
                *statements(INFERENCE_NEEDS, places),
                allow(["logs:CreateLogStream", "logs:PutLogEvents"], pulumi.Output.concat(group.arn, ":*")),
            ),
            opts=child,
        )
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
            kms_key_arn=around.keys.of("functions"),
            tracing_config={"mode": "Active"},
            logging_config={"log_format": "JSON", "log_group": path},
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[group]),
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
