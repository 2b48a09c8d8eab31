"""What every noun of the AWS stack stands in: the settings, the account, the network, who watches, whose keys encrypt."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.components.aws.keys import Keys
from infra.components.aws.network import Network
from infra.components.aws.observability import Observability
from infra.config import StackConfig


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The arguments that nouns have in common."""

    config: StackConfig
    account: pulumi.Output[str]
    network: Network
    observability: Observability
    keys: Keys
    opts: pulumi.ResourceOptions
    """The provider of the stack's region."""
