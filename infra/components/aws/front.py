"""What the world sees: the API, the dashboard, and CloudFront with its firewall before them.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/secure-connections-supported-viewer-protocols-ciphers.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_aws import apigatewayv2, cloudfront, s3, wafv2

from infra.components.aws.data_lake import guard
from infra.components.aws.functions import Functions
from infra.components.aws.live import stage
from infra.components.aws.surroundings import Surroundings
from infra.config import Classification
from shared.names import ORIGIN_HEADER

REQUESTS_IN_FIVE_MINUTES: Final = 15_000
"""Of one address, as at the front door of Azure."""
_EDGE: Final = "us-east-1"
"""Where CloudFront's firewalls and certificates live."""
_NO_CACHE: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
_CACHE: Final = "658327ea-f89d-4fab-a63d-7e88639e58f6"
_ALL_BUT_HOST: Final = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
_SECURITY_HEADERS: Final = "67f7725c-6f97-4210-82d7-5512b31e9d03"
"""Managed policies of CloudFront, the same in every account."""
_MANAGED: Final = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
)

COUNTED: Final = ("SizeRestrictions_BODY", "CrossSiteScripting_BODY")
"""Of the managed rules those that only count: one refuses bodies above 8 KB, which a bundle is, the other the XHTML of a
resource's narrative, whose scripts the API refuses itself: elsewhere than at the resources SCRIPTS refuses it.
https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
"""
SCRIPTS: Final = "awswaf:managed:aws:core-rule-set:CrossSiteScripting_Body"
"""What the counting rule leaves on a request, for a rule that comes after it."""
RESOURCES: Final = "/fhir"
_INDEX: Final = """function handler(event) {
  var request = event.request;
  if (request.uri.endsWith('/')) request.uri += 'index.html';
  return request;
}"""


@dataclass(frozen=True, slots=True)
class FrontArgs:
    """Where, which functions answer, and the name and certificate that partners see."""

    around: Surroundings
    functions: Functions
    access_logs: s3.Bucket


class Front(pulumi.ComponentResource):
    """The API and the dashboard under one name, over TLS 1.2 or newer; live updates have API Gateway's own."""

    def __init__(self, name: str, args: FrontArgs) -> None:
        super().__init__("galen:aws:Front", name, None, args.around.opts)
        self._name = name
        self._args = args
        self._config = args.around.config
        self._tags = self._config.tags(Classification.OPERATIONAL)
        self._child = pulumi.ResourceOptions(parent=self)
        api = self._api()
        site = self._site()
        self.distribution = self._distribution(api, site, self._firewall())
        self._let_read(site)
        self.host = self.distribution.domain_name
        self.register_outputs({"host": self.host})

    def _api(self) -> apigatewayv2.Api:
        name, functions = f"{self._name}-http", self._args.functions
        api = apigatewayv2.Api(name, protocol_type="HTTP", tags=self._tags, opts=self._child)
        target = apigatewayv2.Integration(
            f"{name}-function",
            api_id=api.id,
            integration_type="AWS_PROXY",
            integration_method="POST",
            integration_uri=functions.functions["api"].invoke_arn,
            payload_format_version="2.0",
            opts=self._child,
        )
        apigatewayv2.Route(
            f"{name}-default",
            api_id=api.id,
            route_key="$default",
            target=pulumi.Output.concat("integrations/", target.id),
            opts=self._child,
        )
        stage(name, api, "$default", self._args.around, self._tags, self._child)
        functions.let_in(
            "api", "apigateway.amazonaws.com", pulumi.Output.concat(api.execution_arn, "/*"), "http"
        )
        return api

    def _site(self) -> s3.Bucket:
        """The dashboard's files: no patient's data is in them, and nobody but CloudFront reads them from here."""
        bucket = s3.Bucket(
            f"{self._name}-site",
            force_destroy=False,
            tags=self._tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        s3.BucketLogging(
            f"{self._name}-site-logged",
            bucket=bucket.id,
            target_bucket=self._args.access_logs.id,
            target_prefix="site/",
            opts=self._child,
        )
        return bucket

    def _let_read(self, site: s3.Bucket) -> None:
        guard(
            f"{self._name}-site",
            site,
            None,
            self._child,
            {
                "Sid": "CloudFront",
                "Effect": "Allow",
                "Principal": {"Service": "cloudfront.amazonaws.com"},
                "Action": "s3:GetObject",
                "Resource": pulumi.Output.concat(site.arn, "/*"),
                "Condition": {"StringEquals": {"aws:SourceArn": self.distribution.arn}},
            },
        )

    def _firewall(self) -> wafv2.WebAcl:
        visible = {"cloudwatch_metrics_enabled": True, "sampled_requests_enabled": False}
        managed = [
            {
                "name": rules,
                "priority": place,
                "override_action": {"none": {}},
                "statement": {"managed_rule_group_statement": _managed(rules)},
                "visibility_config": {**visible, "metric_name": rules},
            }
            for place, rules in enumerate(_MANAGED, 10)
        ]
        limit = {
            "name": "too-many",
            "priority": 1,
            "action": {"block": {}},
            "statement": {
                "rate_based_statement": {"limit": REQUESTS_IN_FIVE_MINUTES, "aggregate_key_type": "IP"}
            },
            "visibility_config": {**visible, "metric_name": "too-many"},
        }
        return wafv2.WebAcl(
            f"{self._name}-firewall",
            region=_EDGE,
            scope="CLOUDFRONT",
            default_action={"allow": {}},
            rules=[limit, *managed, _no_scripts(visible)],
            visibility_config={**visible, "metric_name": "galen"},
            tags=self._tags,
            opts=self._child,
        )

    def _shown(self) -> list[dict[str, pulumi.Input[str]]]:
        """What the API knows CloudFront by."""
        token = self._config.origin_token
        return [{"name": ORIGIN_HEADER, "value": token}] if token else []

    def _distribution(
        self, api: apigatewayv2.Api, site: s3.Bucket, firewall: wafv2.WebAcl
    ) -> cloudfront.Distribution:
        control = cloudfront.OriginAccessControl(
            f"{self._name}-reads",
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=self._child,
        )
        # A bucket has files and no folders.
        index = cloudfront.Function(
            f"{self._name}-index", runtime="cloudfront-js-2.0", code=_INDEX, publish=True, opts=self._child
        )
        secure = {
            "http_port": 80,
            "https_port": 443,
            "origin_protocol_policy": "https-only",
            "origin_ssl_protocols": ["TLSv1.2"],
        }
        return cloudfront.Distribution(
            f"{self._name}-distribution",
            enabled=True,
            is_ipv6_enabled=True,
            http_version="http2and3",
            aliases=[self._config.url.removeprefix("https://")],
            web_acl_id=firewall.arn,
            origins=[
                {
                    "origin_id": "api",
                    "domain_name": api.api_endpoint.apply(lambda url: url.removeprefix("https://")),
                    "custom_origin_config": secure,
                    "custom_headers": self._shown(),
                },
                {
                    "origin_id": "site",
                    "domain_name": site.bucket_regional_domain_name,
                    "origin_access_control_id": control.id,
                },
            ],
            default_cache_behavior=_behaviour("api", _NO_CACHE, all_methods=True),
            ordered_cache_behaviors=[
                {
                    "path_pattern": "/dashboard/*",
                    **_behaviour("site", _CACHE, all_methods=False),
                    "function_associations": [{"event_type": "viewer-request", "function_arn": index.arn}],
                }
            ],
            restrictions={"geo_restriction": {"restriction_type": "none"}},
            viewer_certificate={
                "acm_certificate_arn": self._config.certificate,
                "ssl_support_method": "sni-only",
                "minimum_protocol_version": "TLSv1.2_2021",
            },
            tags=self._tags,
            opts=self._child,
        )


def _managed(rules: str) -> dict[str, Any]:
    counted: list[dict[str, Any]] = [{"name": each, "action_to_use": {"count": {}}} for each in COUNTED]
    overrides = {"rule_action_overrides": counted} if rules == _MANAGED[1] else {}
    return {"vendor_name": "AWS", "name": rules, **overrides}


def _no_scripts(visible: dict[str, Any]) -> dict[str, Any]:
    """Refuses what looks like a script in a body where no resource is sent.

    https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-label-match-examples.html
    """
    resources = {
        "field_to_match": {"uri_path": {}},
        "positional_constraint": "STARTS_WITH",
        "search_string": RESOURCES,
        "text_transformations": [{"priority": 0, "type": "NONE"}],
    }
    matched = {"label_match_statement": {"scope": "LABEL", "key": SCRIPTS}}
    elsewhere = {"not_statement": {"statement": {"byte_match_statement": resources}}}
    return {
        "name": "no-scripts",
        "priority": 20,
        "action": {"block": {}},
        "statement": {"and_statement": {"statements": [matched, elsewhere]}},
        "visibility_config": {**visible, "metric_name": "no-scripts"},
    }


def _behaviour(origin: str, cache: str, *, all_methods: bool) -> dict[str, Any]:
    reads = ["GET", "HEAD", "OPTIONS"]
    return {
        "target_origin_id": origin,
        "viewer_protocol_policy": "https-only",
        "allowed_methods": [*reads, "PUT", "POST", "PATCH", "DELETE"] if all_methods else reads,
        "cached_methods": ["GET", "HEAD"],
        "cache_policy_id": cache,
        "origin_request_policy_id": _ALL_BUT_HOST if all_methods else None,
        "response_headers_policy_id": _SECURITY_HEADERS,
        "compress": True,
    }
