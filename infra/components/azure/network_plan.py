"""The subnets, and what may leave each of them; all else is denied.

https://learn.microsoft.com/azure/virtual-network/service-tags-overview and
https://learn.microsoft.com/azure/databricks/security/network/classic/vnet-inject
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

ADDRESS_SPACE: Final = "10.20.0.0/20"
CONTAINERS: Final = "10.20.2.0/24"
"""https://learn.microsoft.com/azure/container-apps/firewall-integration"""
_INSIDE: Final = ("VirtualNetwork", ("443", "5671-5672"))
_MICROSOFT: Final = (("AzureActiveDirectory", ("443",)), ("AzureMonitor", ("443",)))
_DATABRICKS: Final = (
    ("VirtualNetwork", ("*",)),
    ("AzureDatabricks", ("443", "3306", "8443-8451")),
    ("Sql", ("3306",)),
    ("Storage", ("443",)),
    ("EventHub", ("9093",)),
)


@dataclass(frozen=True, slots=True)
class SubnetPlan:
    """One subnet: its addresses, to which service it is delegated, and the service tags and ports it may reach."""

    noun: str
    prefix: str
    delegation: str = ""
    reaches: tuple[tuple[str, tuple[str, ...]], ...] = ()


SUBNETS: Final = (
    # Flex Consumption runs in subnets delegated to Container Apps environments.
    SubnetPlan("app", "10.20.0.0/24", "Microsoft.App/environments", (_INSIDE, *_MICROSOFT)),
    SubnetPlan("endpoints", "10.20.1.0/24", "", (_INSIDE,)),
    SubnetPlan(
        "containers",
        CONTAINERS,
        "Microsoft.App/environments",
        (
            _INSIDE,
            *_MICROSOFT,
            ("MicrosoftContainerRegistry", ("443",)),
            ("AzureFrontDoor.FirstParty", ("443",)),
            (CONTAINERS, ("*",)),  # the environment's own parts, at ports of their choice
        ),
    ),
    SubnetPlan("spark-hosts", "10.20.4.0/23", "Microsoft.Databricks/workspaces", _DATABRICKS),
    SubnetPlan("spark-containers", "10.20.6.0/23", "Microsoft.Databricks/workspaces", _DATABRICKS),
)


def security_rules(plan: SubnetPlan) -> list[dict[str, Any]]:
    """The rules of a subnet's security group, nothing in from outside and out only to what is named."""
    allowed = [
        _rule(
            f"to-{tag.replace('.', '-').replace('/', '-').lower()}",
            100 + 10 * place,
            "Outbound",
            "Allow",
            tag,
            ports,
        )
        for place, (tag, ports) in enumerate(plan.reaches)
    ]
    return [
        *allowed,
        _rule("to-anywhere-else", 4000, "Outbound", "Deny", "*", ("*",)),
        _rule("from-the-internet", 4000, "Inbound", "Deny", "*", ("*",), source="Internet"),
    ]


def _rule(
    name: str,
    priority: int,
    direction: str,
    access: str,
    destination: str,
    ports: tuple[str, ...],
    source: str = "VirtualNetwork",
) -> dict[str, Any]:
    return {
        "name": name,
        "priority": priority,
        "direction": direction,
        "access": access,
        "protocol": "Tcp" if access == "Allow" else "*",
        "source_address_prefix": "*" if (access, direction) == ("Deny", "Outbound") else source,
        "source_port_range": "*",
        "destination_address_prefix": destination,
        "destination_port_ranges": list(ports),
    }


class Subresource(Enum):
    """What of a service an endpoint reaches, and the private zone that names it."""

    BLOB = ("blob", "privatelink.blob.core.windows.net")
    DFS = ("dfs", "privatelink.dfs.core.windows.net")
    QUEUE = ("queue", "privatelink.queue.core.windows.net")
    EVENT_HUBS = ("namespace", "privatelink.servicebus.windows.net")
    COSMOS = ("Sql", "privatelink.documents.azure.com")
    VAULT = ("vault", "privatelink.vaultcore.azure.net")
    DATABASE = ("sqlServer", "privatelink.database.windows.net")
    WEB_PUBSUB = ("webpubsub", "privatelink.webpubsub.azure.com")
    REGISTRY = ("registry", "privatelink.azurecr.io")
    DATABRICKS = ("databricks_ui_api", "privatelink.azuredatabricks.net")
    DATA_FACTORY = ("dataFactory", "privatelink.datafactory.azure.net")
    GRAFANA = ("grafana", "privatelink.grafana.azure.com")

    @property
    def group(self) -> str:
        """The group id of the private link."""
        return self.value[0]

    @property
    def zone(self) -> str:
        """The private DNS zone."""
        return self.value[1]
