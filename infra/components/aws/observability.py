"""Logs with an end, and the topic that alarms go to."""

from __future__ import annotations

import pulumi
from pulumi_aws import cloudwatch, sns

from infra.config import Classification, StackConfig


class Observability(pulumi.ComponentResource):
    """A mail for every alarm, and the pager where one is configured."""

    def __init__(
        self,
        name: str,
        config: StackConfig,
        log_key: pulumi.Output[str] | None,
        topic_key: pulumi.Output[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("galen:aws:Observability", name, None, opts)
        self._name = name
        self._config = config
        self._key = log_key
        self._child = pulumi.ResourceOptions(parent=self)
        self._tags = config.tags(Classification.OPERATIONAL)
        topic = sns.Topic(
            f"{name}-told",
            # An alarm cannot publish to a topic under the service's own key, whose policy lets no other service in.
            kms_master_key_id=topic_key,
            tags=self._tags,
            opts=self._child,
        )
        sns.TopicSubscription(
            f"{name}-mail", topic=topic.arn, protocol="email", endpoint=config.alert_email, opts=self._child
        )
        if config.pager_webhook:
            sns.TopicSubscription(
                f"{name}-pager",
                topic=topic.arn,
                protocol="https",
                endpoint=config.pager_webhook,
                opts=self._child,
            )
        self.topic_arn = topic.arn
        self.register_outputs({"topic_arn": self.topic_arn})

    def log_group(self, name: str, path: str) -> cloudwatch.LogGroup:
        """Where something logs, encrypted, for as long as the stack keeps logs."""
        return cloudwatch.LogGroup(
            f"{name}-logs",
            name=path,
            retention_in_days=self._config.log_retention_days,
            kms_key_id=self._key,
            tags=self._tags,
            opts=self._child,
        )
