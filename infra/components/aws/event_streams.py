"""The event streams: one Kinesis stream a hub, which grows with its traffic."""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi_aws import kinesis

from infra.components.aws.surroundings import Surroundings
from infra.config import Classification
from shared.names import HUBS

RETENTION_HOURS: Final = 168
"""As long as on Azure: the time there is to mend the app before an event would be lost."""


class EventStreams(pulumi.ComponentResource):
    """The streams by the name of their hub."""

    def __init__(self, name: str, around: Surroundings) -> None:
        super().__init__("galen:aws:EventStreams", name, None, around.opts)
        self.key = around.keys.of("streams")
        self.streams = {
            hub: kinesis.Stream(
                f"{name}-{hub}",
                retention_period=RETENTION_HOURS,
                encryption_type="KMS",
                kms_key_id=self.key if self.key is not None else "alias/aws/kinesis",
                stream_mode_details={"stream_mode": "ON_DEMAND"},
                enforce_consumer_deletion=False,
                tags=around.config.tags(Classification.PHI),
                opts=pulumi.ResourceOptions(parent=self, protect=True),
            )
            for hub in HUBS
        }
        self.register_outputs({hub: stream.arn for hub, stream in self.streams.items()})
