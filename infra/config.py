"""The settings of a stack, read once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pulumi


class Classification(StrEnum):
    """What a resource holds, as its tag `data-classification` says."""

    PHI = "phi"
    SECRET = "secret"  # noqa: S105 - the name of a class
    OPERATIONAL = "operational"


@dataclass(frozen=True, slots=True)
class StackConfig:
    """One stack's settings; every field has a default that suits a development environment."""

    environment: str = "dev"
    owner: str = "galen"
    location: str = "northeurope"
    log_retention_days: int = 90
    maximum_instances: int = 40
    subscribe_landing: bool = False
    url: str = ""
    """The base that partners see, where it is not the app's own address."""

    @classmethod
    def from_pulumi(cls) -> StackConfig:
        """From `galen:…` of the stack's configuration file. Raises ValueError for a value out of range."""
        found = pulumi.Config("galen")
        config = cls(
            environment=found.get("environment") or cls().environment,
            owner=found.get("owner") or cls().owner,
            location=found.get("location") or cls().location,
            log_retention_days=found.get_int("logRetentionDays") or cls().log_retention_days,
            maximum_instances=found.get_int("maximumInstances") or cls().maximum_instances,
            url=(found.get("url") or "").rstrip("/"),
            subscribe_landing=bool(found.get_bool("subscribeLanding")),
        )
        config.check()
        return config

    def check(self) -> None:
        """Raises ValueError that names the setting and its range."""
        if not self.environment.isalnum() or len(self.environment) > 6:
            text = "galen:environment is up to six letters and digits: it is part of names that Azure keeps short"
            raise ValueError(text)
        if not 30 <= self.log_retention_days <= 730:
            text = "galen:logRetentionDays is from 30 to 730"
            raise ValueError(text)
        if not 40 <= self.maximum_instances <= 1000:
            text = "galen:maximumInstances is from 40 to 1000, the range of the Flex Consumption plan"
            raise ValueError(text)

    def name(self, noun: str) -> str:
        """The logical name of a resource; Pulumi adds a random end where Azure's own name must be unique."""
        return f"galen-{noun}-{self.environment}"

    def compact_name(self, noun: str) -> str:
        """As `name`, for what takes neither hyphens nor more than sixteen characters before the random end."""
        return f"galen{noun}{self.environment}"

    def tags(self, classification: Classification) -> dict[str, str]:
        """The tags that every taggable resource carries."""
        return {
            "project": "galen",
            "environment": self.environment,
            "owner": self.owner,
            "managed-by": "pulumi",
            "data-classification": classification,
        }
