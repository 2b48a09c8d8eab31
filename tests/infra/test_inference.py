"""What the stacks give the container that answers from models: the API's settings and rights without its token endpoint."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

pytest.importorskip(
    "pulumi_azure_native", reason="not tested: the infrastructure, whose dependency group is not installed"
)

from functions.api.app import create_api
from infra.components.azure.roles import Role
from infra.recording import Recorded
from shared.adapters.tokens.jwt import Es256Signer
from shared.bootstrap import Services
from shared.names import (
    HUBS,
    INFERENCE_APP,
    SECRET_LINK_KEY,
    SECRET_TOKEN_CLIENTS,
    SECRET_TOKEN_SIGNING_KEY,
)
from shared.settings import SettingsError, read_settings
from tests.infra.stacks import recorded
from tests.unit.api.world import SIGNING_KEY, Client, World, observation, patient

# The kit for AWS warns of classes of its own when it is loaded.
pytestmark = pytest.mark.filterwarnings("ignore:.* has been deprecated in favor of:DeprecationWarning")
SECRETS = {"GALEN_LINK_KEY": "k" * 32}


def _container(stack: str) -> Recorded:
    apps = recorded(stack).recording.of_type("app:ContainerApp")
    (found,) = (each for each in apps if each.name.startswith(f"galen-{INFERENCE_APP}"))
    return found


def _function(stack: str) -> Recorded:
    functions = recorded(stack).recording.of_type("aws:lambda:Function")
    (found,) = (each for each in functions if each.inputs.get("packageType") == "Image")
    return found


@pytest.mark.parametrize("stack", ["azure-dev", "azure-prod"])
def test_the_container_app_has_the_settings_that_the_api_reads_and_its_secrets_by_reference(
    stack: str,
) -> None:
    inputs = _container(stack).inputs
    told = inputs["template"]["containers"][0]["env"]
    plain = {each["name"]: each["value"] for each in told if "value" in each}
    hidden = {each["name"]: each["secretRef"] for each in told if "secretRef" in each}
    assert set(hidden) == {"GALEN_LINK_KEY"}
    (kept,) = inputs["configuration"]["secrets"]
    assert kept["keyVaultUrl"].startswith("https://galen-kvi-")
    assert kept["keyVaultUrl"].endswith(f"/{SECRET_LINK_KEY}")
    settings = read_settings({**plain, **SECRETS})
    assert (settings.cloud, settings.url[:8]) == ("azure", "https://")
    assert inputs["tags"]["data-classification"] == "phi"


def _environment(stack: str) -> dict[str, str]:
    """What is not hidden of what the image is told."""
    if stack.startswith("aws"):
        told = _function(stack).inputs["environment"]["variables"]
        return {**told, "AWS_REGION": "eu-west-1"}
    told = _container(stack).inputs["template"]["containers"][0]["env"]
    return {each["name"]: each["value"] for each in told if "value" in each}


@pytest.mark.parametrize("stack", ["azure-prod", "aws-prod"])
def test_the_image_makes_no_token_and_answers_a_risk_to_one_of_a_trusted_issuer(stack: str) -> None:
    world = World()
    client = Client(world)
    client("PUT", "/fhir/Patient/p", fhir=patient(id="p", birthDate="1950-01-01"))
    at = world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    client("POST", "/fhir/Observation", fhir=observation("p", at=at))

    signer = Es256Signer(SIGNING_KEY)
    issuer = {
        "issuer": "https://app.example.org",
        "jwks": {"keys": [key.jwk for key in signer.keys]},
        "tenants": ["ward"],
    }
    told = _environment(stack)
    assert told["GALEN_TRUSTED_ISSUERS"] == recorded(stack).config.trusted_issuers
    settings = read_settings({**told, **SECRETS, "GALEN_TRUSTED_ISSUERS": json.dumps([issuer])})
    image = Services(replace(settings, origin_access="open"), world.adapters)
    assert image.token_endpoint is None
    assert not [name for name in image.health.check() if name.startswith("stream")]
    now = int(world.clock.now().timestamp())
    claims = {
        "iss": issuer["issuer"], "aud": settings.audience, "sub": "x", "tenant": "ward", "scope": "system/*.cruds",
        "iat": now, "exp": now + 60,
    }  # fmt: skip
    client.app = create_api(image)
    assert client("POST", "/fhir/Patient/p/$risk?model=news2").status_code == 401
    client.headers = {"Authorization": f"Bearer {signer.sign(claims)}"}
    assert client("POST", "/fhir/Patient/p/$risk?model=news2").status_code == 200
    assert client("POST", "/auth/token", data={"grant_type": "client_credentials"}).status_code == 404


@pytest.mark.parametrize("stack", ["aws-dev", "aws-prod"])
def test_the_function_of_the_image_has_the_settings_that_the_api_reads(stack: str) -> None:
    told = _function(stack).inputs["environment"]["variables"]
    settings = read_settings({**told, **SECRETS, "AWS_REGION": "eu-west-1"})
    assert settings.cloud == "aws"
    without = {name: value for name, value in told.items() if name != "GALEN_TABLE"}
    with pytest.raises(SettingsError, match="GALEN_TABLE"):
        read_settings({**without, **SECRETS, "AWS_REGION": "eu-west-1"})


def test_the_image_may_on_aws_what_the_function_of_the_api_may_but_make_tokens_and_ask_streams() -> None:
    recording = recorded("aws-prod").recording
    policies = {
        each.name: json.loads(each.inputs["policy"]) for each in recording.of_type("aws:iam:RolePolicy")
    }

    def granted(name: str) -> set[tuple[str, str]]:
        return {
            (action, resource)
            for statement in policies[name]["Statement"]
            for action in statement["Action"]
            for resource in statement["Resource"]
            if not action.startswith(("logs:", "ec2:"))
        }

    of_api, of_image = granted("galen-fn-prod-api-needs"), granted("galen-models-prod-needs")
    left_out = {
        *(
            ("secretsmanager:GetSecretValue", secret)
            for secret in (SECRET_TOKEN_SIGNING_KEY, SECRET_TOKEN_CLIENTS)
        ),
        *(("kinesis:DescribeStreamSummary", hub) for hub in HUBS),
        ("kms:Decrypt", "streams"),
    }
    assert {(action, _end(resource)) for action, resource in of_api - of_image} == left_out
    assert {action for action, _ in of_image - of_api} == {"kms:Decrypt"}  # of the settings themselves


def _end(arn: str) -> str:
    """What of ours a name ends with, behind the stack's own."""
    return arn.rpartition("/")[2].partition("-prod-")[2]


def test_the_image_may_on_azure_what_the_function_of_the_api_may_but_make_tokens_and_receive() -> None:
    roles = recorded("azure-prod").recording.of_type("authorization:RoleAssignment")
    ours = [each for each in roles if "galen-models-prod-serves-" in each.name]
    changed = [each for each in ours if each.inputs.get("condition")]
    assert len(changed) == 1, "files are changed in one container, and there by path"
    assert "bodies" in changed[0].inputs["condition"]
    assert not [each for each in ours if "capture" in each.name or "audit" in each.name]
    held = {
        (each.inputs["roleDefinitionId"], each.inputs["scope"])
        for each in roles
        if each.inputs["principalId"] == "principal-of-galen-models-prod-serves-identity"
    }
    assert not [scope for role, scope in held if role == Role.EVENT_HUBS_RECEIVER.definition]
    (vault,) = [scope for role, scope in held if role == Role.SECRETS_USER.definition]
    assert vault.endswith("/galen-kvi-prod")
