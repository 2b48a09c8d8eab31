"""The front door: the one public address, with a web application firewall before it.

https://learn.microsoft.com/azure/web-application-firewall/afds/afds-overview
"""

from __future__ import annotations

from typing import Any, Final

import pulumi
from pulumi_azure_native import cdn, frontdoor

from infra.components.azure.observability import Observability
from infra.config import Classification, StackConfig

REQUESTS_A_MINUTE: Final = 3_000
"""Of one address: several times what a partner's gateway sends, far below what hurts."""

SCRIPTS: Final = "XSS"
"""The group of rules that looks for scripts."""
NARRATIVE: Final = {"Equals": "div", "EndsWith": "text.div"}
"""Where the XHTML of a resource's narrative stands, by how a selector is compared, whether arguments are named with their
path or alone. It looks like a script to SCRIPTS, and to them alone it is not shown; the API refuses what could run.
https://learn.microsoft.com/azure/web-application-firewall/afds/waf-front-door-exclusion
"""
_UNLOGGED: Final = ("RequestUri", "QueryStringArgNames")
UNLOGGED_MATCHES: Final = (
    *_UNLOGGED,
    *("RequestHeaderNames", "RequestCookieNames", "RequestBodyPostArgNames", "RequestBodyJsonArgNames"),
)
"""What a search is about stands in its address, or in its form, and what a rule found is part of what the firewall logs: of
neither any log has more than that it was there.
https://learn.microsoft.com/azure/frontdoor/standard-premium/how-to-protect-sensitive-data and
https://learn.microsoft.com/azure/web-application-firewall/afds/waf-sensitive-data-protection-frontdoor
"""


class FrontDoor(pulumi.ComponentResource):
    """The profile first, for the app lets in only what comes through it; `lead_to` opens the way once the app is there."""

    def __init__(
        self,
        name: str,
        config: StackConfig,
        resource_group: pulumi.Input[str],
        observability: Observability,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("galen:azure:FrontDoor", name, None, opts)
        self._name = name
        self._tags = config.tags(Classification.OPERATIONAL)
        self._child = pulumi.ResourceOptions(parent=self)
        self._group = {"resource_group_name": resource_group}
        self._profile = cdn.Profile(
            f"{name}-profile",
            location="Global",
            sku={"name": "Premium_AzureFrontDoor"},
            origin_response_timeout_seconds=60,
            log_scrubbing={"state": "Enabled", "scrubbing_rules": _scrubbing(_UNLOGGED)},
            tags=self._tags,
            opts=self._child,
            **self._group,
        )
        observability.watch(name, self._profile.id)
        self.id = self._profile.front_door_id
        self.register_outputs({"id": self.id})

    def lead_to(self, host: pulumi.Input[str]) -> pulumi.Output[str]:
        """The public host name, whose requests reach the app's host over HTTPS after the firewall saw them."""
        common = {**self._group, "profile_name": self._profile.name, "opts": self._child}
        endpoint = cdn.AFDEndpoint(
            f"{self._name}-endpoint", location="Global", enabled_state="Enabled", tags=self._tags, **common
        )
        group = cdn.AFDOriginGroup(
            f"{self._name}-apps",
            load_balancing_settings={"sample_size": 4, "successful_samples_required": 3},
            health_probe_settings={
                "probe_path": "/health",
                "probe_protocol": "Https",
                "probe_request_type": "GET",
                "probe_interval_in_seconds": 60,
            },
            **common,
        )
        origin = cdn.AFDOrigin(
            f"{self._name}-app",
            origin_group_name=group.name,
            host_name=host,
            origin_host_header=host,
            https_port=443,
            enforce_certificate_name_check=True,
            enabled_state="Enabled",
            **common,
        )
        cdn.Route(
            f"{self._name}-route",
            endpoint_name=endpoint.name,
            origin_group={"id": group.id},
            supported_protocols=["Https"],
            patterns_to_match=["/*"],
            forwarding_protocol="HttpsOnly",
            https_redirect="Disabled",  # a token that came in the clear is not sent a second time
            link_to_default_domain="Enabled",
            **{**common, "opts": pulumi.ResourceOptions(parent=self, depends_on=[origin])},
        )
        self._firewall(endpoint, common)
        return endpoint.host_name

    def _firewall(self, endpoint: cdn.AFDEndpoint, common: dict[str, Any]) -> None:
        policy = frontdoor.Policy(
            # Letters and digits only.
            self._name.replace("-", ""),
            location="Global",
            sku={"name": "Premium_AzureFrontDoor"},
            policy_settings={
                "enabled_state": "Enabled",
                "mode": "Prevention",
                "request_body_check": "Enabled",
                "state": "Enabled",
                "scrubbing_rules": _scrubbing(UNLOGGED_MATCHES),
            },
            managed_rules={
                "managed_rule_sets": [
                    {
                        "rule_set_type": "Microsoft_DefaultRuleSet",
                        "rule_set_version": "2.1",
                        "rule_set_action": "Block",
                        "rule_group_overrides": [_narratives()],
                    },
                    {"rule_set_type": "Microsoft_BotManagerRuleSet", "rule_set_version": "1.1"},
                ]
            },
            custom_rules={"rules": [_rate_limit()]},
            tags=self._tags,
            opts=self._child,
            **self._group,
        )
        cdn.SecurityPolicy(
            f"{self._name}-guards",
            parameters={
                "type": "WebApplicationFirewall",
                "waf_policy": {"id": policy.id},
                "associations": [{"domains": [{"id": endpoint.id}], "patterns_to_match": ["/*"]}],
            },
            **common,
        )


def _scrubbing(what: tuple[str, ...]) -> list[dict[str, str]]:
    return [
        {"match_variable": each, "selector_match_operator": "EqualsAny", "state": "Enabled"} for each in what
    ]


def _narratives() -> dict[str, Any]:
    """Of the rules about scripts alone: a narrative is shown to those about SQL, commands and files."""
    excluded = [
        {"match_variable": "RequestBodyJsonArgNames", "selector_match_operator": how, "selector": what}
        for how, what in NARRATIVE.items()
    ]
    return {"rule_group_name": SCRIPTS, "exclusions": excluded}


def _rate_limit() -> dict[str, Any]:
    return {
        "name": "TooMany",
        "priority": 100,
        "rule_type": "RateLimitRule",
        "rate_limit_duration_in_minutes": 1,
        "rate_limit_threshold": REQUESTS_A_MINUTE,
        "action": "Block",
        "enabled_state": "Enabled",
        "match_conditions": [
            {
                "match_variable": "RemoteAddr",
                "operator": "IPMatch",
                "match_value": ["0.0.0.0/0", "::/0"],
            }
        ],
    }
