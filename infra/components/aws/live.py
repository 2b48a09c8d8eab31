"""Live updates: a WebSocket API that nobody connects to without a ticket, and the stage that every API has.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pulumi
from pulumi_aws import apigateway, apigatewayv2, iam

from infra.components.aws.documents import trust
from infra.components.aws.functions import Functions
from infra.components.aws.surroundings import Surroundings
from infra.config import Classification

BURST: Final = 2_000
RATE_A_S: Final = 1_000
STAGE: Final = "live"
_ROUTES: Final = ("$connect", "$disconnect", "$default")
_GATEWAY: Final = "apigateway.amazonaws.com"
PUSHES_LOGS: Final = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"


class Live(pulumi.ComponentResource):
    """Its address is known before the functions are, which are told it; they are joined to it afterwards."""

    def __init__(self, name: str, around: Surroundings) -> None:
        super().__init__("galen:aws:Live", name, None, around.opts)
        self._name = name
        self._around = around
        self._tags = around.config.tags(Classification.OPERATIONAL)
        self._child = pulumi.ResourceOptions(parent=self)
        self._api = apigatewayv2.Api(
            f"{name}-api",
            protocol_type="WEBSOCKET",
            route_selection_expression="$request.body.action",
            tags=self._tags,
            opts=self._child,
        )
        self.url = pulumi.Output.concat(self._api.api_endpoint, "/", STAGE)
        # Only of this API's connections: POST tells one, and nothing else is done with them.
        self.callbacks_arn = pulumi.Output.concat(self._api.execution_arn, "/", STAGE, "/POST/@connections/*")
        self.register_outputs({"url": self.url})

    def open(self, functions: Functions) -> None:
        """Lets in who shows a ticket, and tells the function who comes and goes."""
        ours = pulumi.Output.concat(self._api.execution_arn, "/*")
        authorizer = apigatewayv2.Authorizer(
            f"{self._name}-ticket",
            api_id=self._api.id,
            authorizer_type="REQUEST",
            authorizer_uri=functions.functions["authorise"].invoke_arn,
            identity_sources=["route.request.querystring.ticket"],
            name="ticket",
            opts=self._child,
        )
        target = apigatewayv2.Integration(
            f"{self._name}-function",
            api_id=self._api.id,
            integration_type="AWS_PROXY",
            integration_method="POST",
            integration_uri=functions.functions["live"].invoke_arn,
            opts=self._child,
        )
        for route in _ROUTES:
            admitted = {"authorization_type": "CUSTOM", "authorizer_id": authorizer.id}
            apigatewayv2.Route(
                f"{self._name}-{route.lstrip('$')}",
                api_id=self._api.id,
                route_key=route,
                target=pulumi.Output.concat("integrations/", target.id),
                opts=self._child,
                **(admitted if route == "$connect" else {}),
            )
        for function in ("authorise", "live"):
            functions.let_in(function, _GATEWAY, ours, "live")
        logging = pulumi.ResourceOptions(parent=self, depends_on=[self._let_log()])
        stage(self._name, self._api, STAGE, self._around, self._tags, logging)

    def _let_log(self) -> apigateway.Account:
        """A WebSocket API logs under a role of the account, one for all APIs of its region; an HTTP API needs none."""
        role = iam.Role(
            f"{self._name}-logs-calls",
            assume_role_policy=trust(_GATEWAY, self._around.account),
            tags=self._tags,
            opts=self._child,
        )
        rights = iam.RolePolicyAttachment(
            f"{self._name}-logs-calls-rights", role=role.name, policy_arn=PUSHES_LOGS, opts=self._child
        )
        return apigateway.Account(
            f"{self._name}-account",
            cloudwatch_role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[rights]),
        )


def stage(
    name: str,
    api: apigatewayv2.Api,
    called: str,
    around: Surroundings,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> None:
    """An API's only stage: logged without what may name a patient or opens a connection, and throttled."""
    logs = around.observability.log_group(name, f"/galen/{name}")
    # Neither path nor query.
    fields = '{"id":"$context.requestId","status":"$context.status","ms":"$context.integrationLatency"}'
    apigatewayv2.Stage(
        f"{name}-stage",
        api_id=api.id,
        name=called,
        auto_deploy=True,
        access_log_settings={"destination_arn": logs.arn, "format": fields},
        default_route_settings={
            "throttling_burst_limit": BURST,
            "throttling_rate_limit": RATE_A_S,
            "detailed_metrics_enabled": True,
        },
        tags=tags,
        opts=opts,
    )
