"""Alerts: the guidelines' response thresholds, and the episodes that make one alert of many breaches."""

from shared.domain.alerts.episodes import Acknowledgement, Alert, Episode
from shared.domain.alerts.responses import RESPONSES, Response, Severity, response_to

__all__ = ["RESPONSES", "Acknowledgement", "Alert", "Episode", "Response", "Severity", "response_to"]
