"""A private network without a way to the internet: three subnets, and an endpoint for every service that is called.

https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
"""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi_aws import cloudwatch, ec2, iam

from infra.components.aws.documents import allow, document, trust
from infra.config import Classification, StackConfig

ADDRESSES: Final = "10.30.0.0/20"
_SUBNETS: Final = (("a", "10.30.0.0/22"), ("b", "10.30.4.0/22"), ("c", "10.30.8.0/22"))
GATEWAYS: Final = ("s3", "dynamodb")
INTERFACES: Final = (
    "ecr.api",
    "ecr.dkr",
    "emr-serverless",
    "kinesis-streams",
    "kms",
    "logs",
    "secretsmanager",
    "sts",
    "xray",
)


class Network(pulumi.ComponentResource):
    """Functions and jobs reach the services by endpoints, the database inside, and nothing else."""

    def __init__(
        self,
        name: str,
        config: StackConfig,
        account: pulumi.Output[str],
        key: pulumi.Output[str] | None,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("galen:aws:Network", name, None, opts)
        self._name = name
        self._config = config
        self._account = account
        self._tags = config.tags(Classification.OPERATIONAL)
        self._child = pulumi.ResourceOptions(parent=self)
        self._vpc = ec2.Vpc(
            f"{name}-vpc",
            cidr_block=ADDRESSES,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=self._tags,
            opts=self._child,
        )
        # What comes with the network is closed: nobody uses it by mistake.
        ec2.DefaultSecurityGroup(
            f"{name}-default", vpc_id=self._vpc.id, ingress=[], egress=[], tags=self._tags, opts=self._child
        )
        table = ec2.RouteTable(f"{name}-routes", vpc_id=self._vpc.id, tags=self._tags, opts=self._child)
        self.subnet_ids = [self._subnet(zone, block, table) for zone, block in _SUBNETS]
        gateways = self._gateways(table)
        self.workload_group_id, endpoints = self._groups(gateways)
        self._interfaces(endpoints)
        self._flow_log(key)
        self.id = self._vpc.id
        self.register_outputs({"id": self.id})

    def _subnet(self, zone: str, block: str, table: ec2.RouteTable) -> pulumi.Output[str]:
        subnet = ec2.Subnet(
            f"{self._name}-{zone}",
            vpc_id=self._vpc.id,
            cidr_block=block,
            availability_zone=f"{self._config.location}{zone}",
            map_public_ip_on_launch=False,
            tags=self._tags,
            opts=self._child,
        )
        ec2.RouteTableAssociation(
            f"{self._name}-{zone}-routes", subnet_id=subnet.id, route_table_id=table.id, opts=self._child
        )
        return subnet.id

    def _groups(self, gateways: list[pulumi.Output[str]]) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """One group for what works, which may call out over TLS inside the network; one for the endpoints.

        All rules stand in the group: one declared beside it would be taken away by the next change of the group.
        """
        workload = ec2.SecurityGroup(
            f"{self._name}-works",
            vpc_id=self._vpc.id,
            description="Functions, jobs and the database they ask",
            ingress=[
                {"protocol": "tcp", "from_port": 5432, "to_port": 5432, "self": True},
                {"protocol": "tcp", "from_port": 8080, "to_port": 8080, "self": True},
            ],
            egress=[
                {"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": [ADDRESSES]},
                {"protocol": "tcp", "from_port": 443, "to_port": 443, "prefix_list_ids": gateways},
                {"protocol": "tcp", "from_port": 0, "to_port": 65535, "self": True},
            ],
            tags=self._tags,
            opts=self._child,
        )
        endpoints = ec2.SecurityGroup(
            f"{self._name}-endpoints",
            vpc_id=self._vpc.id,
            description="Endpoints of services",
            ingress=[{"protocol": "tcp", "from_port": 443, "to_port": 443, "security_groups": [workload.id]}],
            egress=[],
            tags=self._tags,
            opts=self._child,
        )
        return workload.id, endpoints.id

    def _passes(self) -> pulumi.Output[str]:
        """Only principals of this account pass: a key of another's, smuggled in, opens nothing."""
        return document(
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:PrincipalAccount": self._account}},
            }
        )

    def _gateways(self, table: ec2.RouteTable) -> list[pulumi.Output[str]]:
        """The lists of addresses that stand for the services with a gateway."""
        return [
            ec2.VpcEndpoint(
                f"{self._name}-{service}",
                vpc_id=self._vpc.id,
                service_name=f"com.amazonaws.{self._config.location}.{service}",
                vpc_endpoint_type="Gateway",
                route_table_ids=[table.id],
                policy=self._passes(),
                tags=self._tags,
                opts=self._child,
            ).prefix_list_id
            for service in GATEWAYS
        ]

    def _interfaces(self, group: pulumi.Output[str]) -> None:
        for service in INTERFACES:
            ec2.VpcEndpoint(
                f"{self._name}-{service.replace('.', '-')}",
                vpc_id=self._vpc.id,
                service_name=f"com.amazonaws.{self._config.location}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=self.subnet_ids,
                security_group_ids=[group],
                policy=self._passes(),
                tags=self._tags,
                opts=self._child,
            )

    def _flow_log(self, key: pulumi.Output[str] | None) -> None:
        group = cloudwatch.LogGroup(
            f"{self._name}-flows",
            retention_in_days=self._config.log_retention_days,
            kms_key_id=key,
            tags=self._tags,
            opts=self._child,
        )
        role = iam.Role(
            f"{self._name}-logs-flows",
            assume_role_policy=trust("vpc-flow-logs.amazonaws.com", self._account),
            tags=self._tags,
            opts=self._child,
        )
        iam.RolePolicy(
            f"{self._name}-logs-flows-rights",
            role=role.id,
            policy=document(
                allow(
                    ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                    group.arn,
                    pulumi.Output.concat(group.arn, ":*"),
                )
            ),
            opts=self._child,
        )
        ec2.FlowLog(
            f"{self._name}-flow-log",
            vpc_id=self._vpc.id,
            traffic_type="ALL",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags=self._tags,
            opts=self._child,
        )
