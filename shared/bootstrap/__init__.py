"""The one place that reads settings and picks adapters, once per process."""

from __future__ import annotations

import gc
import logging
import os
from functools import cache
from typing import Final

from shared.bootstrap.adapters import (
    Adapters,
    adapters_of,
    aws_adapters,
    azure_adapters,
    table_changes,
    tenants_of_alerts,
)
from shared.bootstrap.secrets import with_secrets
from shared.bootstrap.use_cases import Services
from shared.domain.observability.meter import ProcessMeter
from shared.settings import SettingsError, read_settings

__all__ = [
    "Adapters",
    "Services",
    "adapters_of",
    "aws_adapters",
    "azure_adapters",
    "services",
    "table_changes",
    "tenants_of_alerts",
]

_LOG: Final = logging.getLogger("galen")
GC_ALLOCATIONS: Final = 20_000


def _meter() -> ProcessMeter:
    """With spans where somebody collects them; the SDK takes 100 ms to import, which nobody else pays."""
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return ProcessMeter()
    from shared.adapters.telemetry.spans import TracingMeter

    return TracingMeter()


@cache
def services() -> Services:
    """The services of this process. Raises SettingsError, which names what is missing or malformed."""
    try:
        settings = read_settings(with_secrets(os.environ))
    except SettingsError as wrong:
        _LOG.critical("the app cannot work: %s", wrong)
        raise
    # What was imported lives as long as the process, and JSON makes no cycles: fewer and smaller searches for them.
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 20, 50)
    meter = _meter()
    made = Services(settings, adapters_of(settings, meter), meter)
    made.metrics.start()
    return made
