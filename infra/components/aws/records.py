"""The operational records: one DynamoDB table whose changes are a stream, restorable to any second of the last 35 days.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-general-nosql-design.html
"""

from __future__ import annotations

from typing import Any, Final

import pulumi
from pulumi_aws import dynamodb

from infra.components.aws.surroundings import Surroundings
from infra.config import Classification
from infra.scaling import scaling
from shared.names import (
    CONNECTIONS_KEY,
    CONNECTIONS_TABLE,
    RECORDS_CONTAINER,
    RECORDS_TABLE_BY_DATE,
    RECORDS_TABLE_DATE,
    RECORDS_TABLE_KEY,
)

RESTORABLE_DAYS: Final = 35


class Records(pulumi.ComponentResource):
    """Every kind of item in one table, and the open connections of dashboards in another."""

    def __init__(self, name: str, around: Surroundings) -> None:
        super().__init__("galen:aws:Records", name, None, around.opts)
        self._around = around
        self.key = around.keys.of("records")
        follow = {"stream_enabled": True, "stream_view_type": "NEW_AND_OLD_IMAGES"}
        replicas = self._replicas()
        by_date = {
            "name": RECORDS_TABLE_BY_DATE,
            "hash_key": RECORDS_TABLE_KEY[0],
            "range_key": RECORDS_TABLE_DATE,
            "projection_type": "KEYS_ONLY",
        }
        self.table = self._table(
            f"{name}-{RECORDS_CONTAINER}",
            RECORDS_TABLE_KEY,
            (RECORDS_TABLE_DATE,),
            **follow,
            global_secondary_indexes=[by_date],
            replicas=replicas,
        )
        self.connections = self._table(f"{name}-{CONNECTIONS_TABLE}", CONNECTIONS_KEY)
        self.register_outputs({"table": self.table.name, "stream": self.table.stream_arn})

    def _table(
        self, name: str, key: tuple[str, ...], indexed: tuple[str, ...] = (), **more: Any
    ) -> dynamodb.Table:
        most = int(scaling(self._around.config, "records").most)
        return dynamodb.Table(
            name,
            hash_key=key[0],
            range_key=key[1] if len(key) > 1 else None,
            attributes=[{"name": part, "type": "S"} for part in (*key, *indexed)],
            billing_mode="PAY_PER_REQUEST",
            on_demand_throughput={"max_read_request_units": most, "max_write_request_units": most},
            server_side_encryption={"enabled": True, "kms_key_arn": self.key},
            point_in_time_recovery={"enabled": True, "recovery_period_in_days": RESTORABLE_DAYS},
            ttl={"attribute_name": "ttl", "enabled": True},
            deletion_protection_enabled=True,
            tags=self._around.config.tags(Classification.PHI),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
            **more,
        )

    def _replicas(self) -> list[dict[str, Any]]:
        """In production the table is kept in a second region too."""
        config = self._around.config
        if not config.is_production:
            return []
        return [
            {
                "region_name": config.second_location,
                "kms_key_arn": self._around.keys.in_second_region("records"),
                "point_in_time_recovery": True,
                "deletion_protection_enabled": True,
                "propagate_tags": True,
            }
        ]
