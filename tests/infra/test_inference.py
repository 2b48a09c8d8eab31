"""What the stacks give the container that answers from models: the settings of the API, and the rights of its function."""

from __future__ import annotations

import json

import pytest

pytest.importorskip(
    "pulumi_azure_native", reason="not tested: the infrastructure, whose dependency group is not installed"
)

from infra.recording import Recorded
from shared.names import INFERENCE_APP, SECRET_SETTINGS
from shared.settings import SettingsError, read_settings
from tests.infra.stacks import recorded

# The kit for AWS warns of classes of its own when it is loaded.
pytestmark = pytest.mark.filterwarnings("ignore:.* has been deprecated in favor of:DeprecationWarning")
SECRETS = {"GALEN_LINK_KEY": "k" * 32, "GALEN_TOKEN_CLIENTS": "[]", "GALEN_TOKEN_SIGNING_KEY": ""}


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
    assert set(hidden) == set(SECRET_SETTINGS.values())
    kept = {each["name"]: each["keyVaultUrl"] for each in inputs["configuration"]["secrets"]}
    assert {name: kept[ref].rpartition("/")[2] for name, ref in hidden.items()} == {
        setting: secret for secret, setting in SECRET_SETTINGS.items()
    }
    settings = read_settings({**plain, **SECRETS})
    assert (settings.cloud, settings.url[:8]) == ("azure", "https://")


@pytest.mark.parametrize("stack", ["aws-dev", "aws-prod"])
def test_the_function_of_the_image_has_the_settings_that_the_api_reads(stack: str) -> None:
    told = _function(stack).inputs["environment"]["variables"]
    settings = read_settings({**told, **SECRETS, "AWS_REGION": "eu-west-1"})
    assert settings.cloud == "aws"
    without = {name: value for name, value in told.items() if name != "GALEN_TABLE"}
    with pytest.raises(SettingsError, match="GALEN_TABLE"):
        read_settings({**without, **SECRETS, "AWS_REGION": "eu-west-1"})


def test_the_image_may_on_aws_what_the_function_of_the_api_may() -> None:
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
    assert of_api <= of_image
    assert {action for action, _ in of_image - of_api} == {"kms:Decrypt"}  # of the settings themselves


def test_the_image_may_on_azure_what_the_function_of_the_api_may() -> None:
    roles = recorded("azure-prod").recording.of_type("authorization:RoleAssignment")
    ours = [each for each in roles if "galen-models-prod-serves-" in each.name]
    changed = [each for each in ours if each.inputs.get("condition")]
    assert len(changed) == 1, "files are changed in one container, and there by path"
    assert "bodies" in changed[0].inputs["condition"]
    assert not [each for each in ours if "capture" in each.name or "audit" in each.name]
