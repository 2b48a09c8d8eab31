"""What the clouds add to a resource's inputs, as far as other resources read it, in the form that they give it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

ACCOUNT: Final = "123456789012"
_CLIENT: Final = {"tenantId": "11111111-1111-1111-1111-111111111111", "subscriptionId": "0" * 8}


def answer_to(token: str) -> dict[str, Any]:
    """What a question about the account is answered with."""
    if token.endswith(":getClientConfig"):
        return dict(_CLIENT)
    if "getCallerIdentity" in token:
        return {
            "accountId": ACCOUNT,
            "arn": f"arn:aws:iam::{ACCOUNT}:user/recorded",
            "id": ACCOUNT,
            "userId": "r",
        }
    return {}


_SCHEMES: Final = {"HTTP": "https", "WEBSOCKET": "wss"}


def outputs_of(type_: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a resource beside its id and name."""
    if type_.startswith("aws:"):
        return _aws(type_, name, inputs)
    outputs = _azure(type_, name, inputs)
    if isinstance(inputs.get("identity"), Mapping):
        # What went in as a list of ids comes out as a mapping.
        outputs["identity"] = {"type": inputs["identity"].get("type"), "principalId": f"principal-of-{name}"}
    return outputs


def _azure(type_: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    match type_:
        case "storage:StorageAccount":
            return {
                "primaryEndpoints": {
                    each: f"https://{name}.{each}.core.windows.net/" for each in ("blob", "dfs", "queue")
                }
            }
        case "managedidentity:UserAssignedIdentity":
            return {"principalId": f"principal-of-{name}", "clientId": f"client-of-{name}"}
        case "cosmosdb:DatabaseAccount":
            return {"documentEndpoint": f"https://{name}.documents.azure.com:443/"}
        case "web:WebApp":
            return {"defaultHostName": f"{name}.azurewebsites.net"}
        case "keyvault:Vault":
            return {"properties": {"vaultUri": f"https://{name}.vault.azure.net/"}}
        case "keyvault:Key":
            uri = f"https://vault.azure.net/keys/{inputs.get('keyName')}"
            return {"keyUri": uri, "keyUriWithVersion": f"{uri}/1"}
        case "applicationinsights:Component":
            return {"connectionString": f"InstrumentationKey=recorded;Of={name}"}
    return _azure_addresses(type_, name)


def _azure_addresses(type_: str, name: str) -> dict[str, Any]:
    match type_:
        case "cdn:Profile":
            return {"frontDoorId": "22222222-2222-2222-2222-222222222222"}
        case "cdn:AFDEndpoint":
            return {"hostName": f"{name}.z01.azurefd.net"}
        case "databricks:Workspace":
            return {"workspaceUrl": "adb-0.0.azuredatabricks.net"}
        case "containerregistry:Registry":
            return {"loginServer": f"{name}.azurecr.io"}
        case "web:StaticSite":
            return {"defaultHostname": f"{name}.azurestaticapps.net"}
        case "sql:Server":
            return {"fullyQualifiedDomainName": f"{name}.database.windows.net"}
        case "webpubsub:WebPubSub":
            return {"hostName": f"{name}.webpubsub.azure.com"}
        case "monitor:AzureMonitorWorkspace":
            return {"metrics": {"prometheusQueryEndpoint": f"https://{name}.prometheus.monitor.azure.com"}}
        case "monitor:DataCollectionEndpoint":
            return {"metricsIngestion": {"endpoint": f"https://{name}.metrics.ingest.monitor.azure.com"}}
        case "monitor:DataCollectionRule":
            return {"immutableId": f"dcr-{name}"}
        case (
            "datafactory:Factory" | "databricks:AccessConnector" | "dashboard:Grafana" | "eventhub:Namespace"
        ):
            return {"identity": {"type": "SystemAssigned", "principalId": f"principal-of-{name}"}}
        case "azuread:index:Application":
            return {"clientId": f"client-of-{name}", "objectId": f"object-of-{name}"}
    return {}


def _aws(type_: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    _, service, noun = type_.split(":")
    arn = f"arn:aws:{service}:recorded:{ACCOUNT}:{noun.lower()}/{name}"
    outputs: dict[str, Any] = {"arn": arn}
    match type_:
        case "aws:s3:Bucket":
            outputs |= {
                "arn": f"arn:aws:s3:::{name}",
                "bucket": name,
                "bucketRegionalDomainName": f"{name}.s3.amazonaws.com",
            }
        case "aws:dynamodb:Table":
            outputs |= {"streamArn": f"{arn}/stream/recorded"}
        case "aws:ec2:VpcEndpoint" if inputs.get("vpcEndpointType") == "Gateway":
            outputs |= {"prefixListId": f"pl-{name}"}
        case "aws:lambda:Function":
            outputs |= {"invokeArn": f"{arn}/invocations"}
        case "aws:apigatewayv2:Api":
            outputs |= {
                "apiEndpoint": f"{_SCHEMES[inputs['protocolType']]}://{name}.execute-api.amazonaws.com",
                "executionArn": f"arn:aws:execute-api:recorded:{ACCOUNT}:{name}",
            }
        case "aws:apigatewayv2:Stage":
            outputs |= {"invokeUrl": f"https://{name}.execute-api.amazonaws.com"}
        case "aws:cloudfront:Distribution":
            outputs |= {"domainName": f"{name}.cloudfront.net", "hostedZoneId": "Z2FDTNDATAQYW2"}
        case "aws:kms:Key":
            outputs |= {"keyId": name}
        case "aws:ecr:Repository":
            outputs |= {"repositoryUrl": f"{ACCOUNT}.dkr.ecr.recorded.amazonaws.com/{name}"}
        case "aws:rds:Cluster":
            outputs |= {
                "endpoint": f"{name}.cluster.rds.amazonaws.com",
                "clusterResourceId": f"cluster-{name}",
            }
        case "aws:cognito:UserPool":
            outputs |= {"endpoint": f"cognito-idp.recorded.amazonaws.com/{name}"}
    if isinstance(inputs.get("name"), str):
        outputs["name"] = inputs["name"]
    return outputs
