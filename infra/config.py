"""The settings of a stack, read once."""

from __future__ import annotations

import re
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
    landing_days: int = 30
    """How long a dropped file stays. What was read of it is in raw within minutes; the file is needed longer only for what
    is not: a line above 16 MB, or the rest of a file that was refused half way. Thirty days are as far back as the records
    can be restored, so that a restored ledger still finds each file it has not seen, and time to mend what was refused."""
    maximum_instances: int = 40
    subscribe_landing: bool = False
    metrics_access: str = "closed"
    """Who may scrape `/metrics`: the SHA-256 of the scraper's bearer token, `closed` or `open`."""
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
            landing_days=found.get_int("landingDays") or cls().landing_days,
            maximum_instances=found.get_int("maximumInstances") or cls().maximum_instances,
            metrics_access=found.get("metricsAccess") or cls().metrics_access,
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
        if not re.fullmatch("closed|open|[0-9a-f]{64}", self.metrics_access):
            raise ValueError(
                "galen:metricsAccess is closed, open, or the SHA-256 of the scraper's token in hex"
            )
        if not 7 <= self.landing_days <= 365:
            text = "galen:landingDays is from 7, a week to mend a file that was refused, to 365"
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
