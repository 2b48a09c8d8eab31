"""What every noun of the Azure stack stands in: the settings, the network, who watches, whose keys encrypt."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.components.azure.identity import Identity
from infra.components.azure.keys import Keys
from infra.components.azure.network import Network
from infra.components.azure.observability import Observability
from infra.config import StackConfig


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The arguments that nouns have in common."""

    config: StackConfig
    resource_group: pulumi.Input[str]
    identity: Identity
    """The app's."""
    network: Network
    observability: Observability
    keys: Keys
