"""Live updates on Lambda: a WebSocket API whose connections hear when the alerts of their tenant changed.

`authorise` takes the ticket of the address, `live` keeps who is connected, `ring` tells them: it follows the table's stream
on its own, outside of the network, from which the API cannot be called.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
"""

from typing import Any

from functions.aws.batches import Answer, Event
from functions.needs import FOLLOWS_RECORDS, RINGS, TELLS, Access, Need, Thing, secret
from shared import names

NEEDS = {
    "authorise": (
        *(TELLS, secret(names.SECRET_LINK_KEY)),
        Need(Thing.CONNECTIONS, Access.ADD, names.CONNECTIONS_TABLE),
    ),
    "live": (TELLS, Need(Thing.CONNECTIONS, Access.WRITE, names.CONNECTIONS_TABLE)),
    "ring": (
        *(TELLS, FOLLOWS_RECORDS),
        Need(Thing.CONNECTIONS, Access.READ, names.CONNECTIONS_TABLE),
        RINGS,
    ),
}


def authorise(event: Event, context: Any) -> dict[str, Any]:  # noqa: ARG001 - the signature of a handler
    """Whether a connection may be made, one a ticket, and for which tenant: API Gateway says so with each of its events."""
    from shared.bootstrap.live import admit
    from shared.errors import Unauthenticated

    ticket = (event.get("queryStringParameters") or {}).get("ticket", "")
    try:
        tenant = admit(ticket)
    except Unauthenticated:
        return _policy("Deny", event["methodArn"], "nobody")
    return {**_policy("Allow", event["methodArn"], tenant), "context": {"tenant": tenant}}


def _policy(effect: str, arn: str, who: str) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": arn}
    return {"principalId": who, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


def live(event: Event, context: Any) -> dict[str, Any]:  # noqa: ARG001 - the signature of a handler
    """Somebody connects, leaves, or says something, which nobody hears."""
    from shared.bootstrap.live import connections

    about = event["requestContext"]
    tenant, connection = about["authorizer"]["tenant"], about["connectionId"]
    if about["routeKey"] == "$connect":
        connections().add(tenant, connection)
    elif about["routeKey"] == "$disconnect":
        connections().remove(tenant, connection)
    return {"statusCode": 200}


def ring(event: Event, context: Any) -> Answer:  # noqa: ARG001 - the signature of a handler
    """Changes of the table that told of an alert; the mapping filters out all others."""
    from shared.bootstrap import tenants_of_alerts
    from shared.bootstrap.live import bell

    bell().ring(tenants_of_alerts(event["Records"]))
    return {"batchItemFailures": []}
