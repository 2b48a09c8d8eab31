"""The settings of a stack, read once and checked before anything is declared."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import pulumi

REGIONS: Final = {
    "azure": frozenset(
        {"northeurope", "westeurope", "swedencentral", "germanywestcentral", "uksouth", "eastus", "eastus2", "westus3"}
    ),
    "aws": frozenset(
        {"eu-west-1", "eu-central-1", "eu-north-1", "eu-west-2", "us-east-1", "us-east-2", "us-west-2"}
    ),
}  # fmt: skip
"""Where every service that a stack uses is offered with availability zones."""
_DEFAULT_REGION: Final = {"azure": "northeurope", "aws": "eu-west-1"}
_NO_OBJECT: Final = "00000000-0000-0000-0000-000000000000"


_LOG_DAYS: Final = (30, 60, 90, 120, 150, 180, 365, 400, 545)
"""CloudWatch takes no others of this range:
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""


_ISSUERS_LONGEST: Final = 2_000
"""Of a function on AWS all settings together have 4 kB."""


class ConfigurationError(ValueError):
    """A setting that is missing or out of range, named; nothing has been created yet."""


class Cloud(StrEnum):
    """Where a stack is."""

    AZURE = "azure"
    AWS = "aws"


class Classification(StrEnum):
    """What a resource holds, as its tag `data-classification` says."""

    PHI = "phi"
    SECRET = "secret"  # noqa: S105 - the name of a class
    OPERATIONAL = "operational"


@dataclass(frozen=True, slots=True)
class StackConfig:
    """One stack's settings; every field has a default that suits a development environment on Azure."""

    cloud: Cloud = Cloud.AZURE
    environment: str = "dev"
    owner: str = "galen"
    location: str = "northeurope"
    second_location: str = ""
    """Where the records are kept a second time; required in production."""
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
    customer_managed_keys: bool = False
    """Whether the stores are encrypted with keys of ours, which rotate. Production has no other way."""
    administrators: str = _NO_OBJECT
    """The object id of the Entra group that administers the safety reports' database."""
    alert_email: str = "alerts@galen.invalid"
    pager_webhook: pulumi.Input[str] = ""
    """Where P1 alarms go: an address with a token in it, so a secret. Required in production."""
    inference_image: str = "galen/inference:1"
    scraper_image: str = "galen/prometheus:3"
    trusted_issuers: str = "[]"
    """Whose tokens are believed beside the app's own, as `GALEN_TRUSTED_ISSUERS` has it: public keys. The inference
    container signs none, and believes those of the app where the app's address and key set are among them."""
    certificate: str = ""
    """On AWS, the certificate of the url in us-east-1: without one CloudFront would also speak TLS 1.0."""
    origin_token: pulumi.Input[str] = ""
    """On AWS, what CloudFront shows the API, so that nobody comes in past its firewall. Required in production."""
    functions_package: str = ""
    """On AWS, the folder of zips that `local package aws` wrote; without it the functions are made empty."""

    @property
    def is_production(self) -> bool:
        """Whether patients' data is at stake: keys of ours, a second region, the web application firewall."""
        return self.environment == "prod"

    @classmethod
    def from_pulumi(cls) -> StackConfig:
        """From `galen:…` of the stack's configuration file. Raises ConfigurationError that names the setting."""
        found = pulumi.Config("galen")
        cloud, environment = _of_stack(pulumi.get_stack())
        default = cls()
        config = cls(
            cloud=cloud,
            environment=found.get("environment") or environment,
            owner=found.get("owner") or default.owner,
            location=found.get("location") or _DEFAULT_REGION[cloud],
            second_location=found.get("secondLocation") or default.second_location,
            log_retention_days=_whole(found, "logRetentionDays", default.log_retention_days),
            landing_days=_whole(found, "landingDays", default.landing_days),
            maximum_instances=_whole(found, "maximumInstances", default.maximum_instances),
            metrics_access=found.get("metricsAccess") or default.metrics_access,
            url=(found.get("url") or "").rstrip("/"),
            subscribe_landing=_flag(found, "subscribeLanding"),
            customer_managed_keys=_flag(found, "customerManagedKeys"),
            administrators=found.get("administrators") or default.administrators,
            alert_email=found.get("alertEmail") or default.alert_email,
            pager_webhook=found.get_secret("pagerWebhook") or "",
            inference_image=found.get("inferenceImage") or default.inference_image,
            scraper_image=found.get("scraperImage") or default.scraper_image,
            trusted_issuers=found.get("trustedIssuers") or default.trusted_issuers,
            certificate=found.get("certificate") or default.certificate,
            origin_token=found.get_secret("originToken") or "",
            functions_package=found.get("functionsPackage") or default.functions_package,
        )
        if environment != config.environment:
            _refuse("environment", f"is {config.environment!r} but the stack is {cloud}-{environment}")
        config.check()
        return config

    def check(self) -> None:
        """Raises ConfigurationError that names the setting and its range."""
        self._check_names()
        if not 30 <= self.log_retention_days <= 730:
            _refuse("logRetentionDays", "is from 30 to 730")
        if not re.fullmatch("closed|open|[0-9a-f]{64}", self.metrics_access):
            _refuse("metricsAccess", "is closed, open, or the SHA-256 of the scraper's token in hex")
        if not 7 <= self.landing_days <= 365:
            _refuse("landingDays", "is from 7, a week to mend a file that was refused, to 365")
        if not 40 <= self.maximum_instances <= 1000:
            _refuse("maximumInstances", "is from 40 to 1000, the range of the Flex Consumption plan")
        if len(self.trusted_issuers) > _ISSUERS_LONGEST or not _is_issuers(self.trusted_issuers):
            _refuse(
                "trustedIssuers",
                f"is a JSON list of issuer, jwks with public keys and tenants, at most {_ISSUERS_LONGEST} characters",
            )
        if self.cloud is Cloud.AWS:
            self._check_aws()
        if self.is_production:
            self._check_production()

    def _check_aws(self) -> None:
        if not re.fullmatch("https://[a-z0-9.-]+", self.url):
            _refuse("url", "is required on AWS: https:// and the name that partners see")
        if not re.fullmatch(r"arn:aws:acm:us-east-1:\d{12}:certificate/[0-9a-f-]{36}", self.certificate):
            _refuse("certificate", "is required on AWS: the ARN of the url's certificate in us-east-1")
        if self.log_retention_days not in _LOG_DAYS:
            _refuse("logRetentionDays", f"is on AWS one of {', '.join(map(str, _LOG_DAYS))}")
        if self.functions_package and not any(Path(self.functions_package).glob("*.zip")):
            _refuse(
                "functionsPackage",
                "names a folder without packages: `python3 -m local package aws` makes them",
            )

    def _check_names(self) -> None:
        if not re.fullmatch("[a-z][a-z0-9]{0,5}", self.environment):
            text = "is up to six small letters and digits: it is part of names that the clouds keep short"
            _refuse("environment", text)
        if not re.fullmatch(r"[a-z][a-z0-9-]{1,30}", self.owner):
            _refuse("owner", "is a name of small letters, digits and hyphens")
        regions = REGIONS[self.cloud]
        if self.location not in regions:
            _refuse("location", f"is {self.location!r}, not one of {', '.join(sorted(regions))}")
        if self.second_location and self.second_location not in regions - {self.location}:
            _refuse("secondLocation", "is another region of the same cloud")
        if not re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", self.administrators):
            _refuse("administrators", "is the object id of a group, a UUID")
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-z]+", self.alert_email):
            _refuse("alertEmail", "is a mail address")
        for field, image in (("inferenceImage", self.inference_image), ("scraperImage", self.scraper_image)):
            if not re.fullmatch(r"[a-z0-9./-]+(:[\w.-]+|@sha256:[0-9a-f]{64})", image) or image.endswith(
                ":latest"
            ):
                _refuse(field, "names an image of the stack's registry with a tag or digest, not latest")

    def _check_production(self) -> None:
        if not self.customer_managed_keys:
            _refuse("customerManagedKeys", "is true in production")
        if not self.second_location:
            _refuse("secondLocation", "is required in production: the records outlive a region")
        if self.cloud is Cloud.AZURE and self.administrators == _NO_OBJECT:
            _refuse("administrators", "is required in production: the group that administers the reports")
        if self.alert_email.endswith(".invalid"):
            _refuse("alertEmail", "is required in production: an address that somebody reads")
        if self.metrics_access == "open":
            _refuse("metricsAccess", "is not open in production")
        if self.cloud is Cloud.AWS and not self.origin_token:
            _refuse(
                "originToken",
                "is a secret that is missing: `pulumi config set --secret galen:originToken $(openssl rand -hex 32)`",
            )
        if not self.pager_webhook:
            _refuse(
                "pagerWebhook",
                "is a secret that is missing: `pulumi config set --secret galen:pagerWebhook …`",
            )

    def name(self, noun: str) -> str:
        """The logical name of a resource; Pulumi adds a random end where the cloud's own name must be unique."""
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


def _is_issuers(text: str) -> bool:
    """Whether it is a list of issuers with public keys alone; the app itself reads them more strictly."""
    try:
        issuers = json.loads(text)
        keys = [key for issuer in issuers for key in issuer["jwks"]["keys"]]
        return all(issuer["issuer"] and issuer["tenants"] for issuer in issuers) and not any(
            "d" in key for key in keys
        )
    except (ValueError, TypeError, KeyError):
        return False


def _of_stack(stack: str) -> tuple[Cloud, str]:
    cloud, hyphen, environment = stack.partition("-")
    if not hyphen or cloud not in set(Cloud):
        text = (
            f"the stack is named {stack!r}: a stack is <cloud>-<environment>, such as azure-dev or aws-prod"
        )
        raise ConfigurationError(text)
    return Cloud(cloud), environment


def _refuse(field: str, text: str) -> None:
    message = f"galen:{field} {text}"
    raise ConfigurationError(message)


def _whole(found: pulumi.Config, field: str, default: int) -> int:
    text = found.get(field)
    if text is not None and not re.fullmatch("[0-9]{1,6}", text):
        _refuse(field, f"is a whole number, not {text!r}")
    return default if text is None else int(text)


def _flag(found: pulumi.Config, field: str) -> bool:
    text = found.get(field) or "false"
    if text not in ("true", "false"):
        _refuse(field, f"is true or false, not {text!r}")
    return text == "true"
