"""The container image and its manifests, linted: nothing runs as root, writes where it must not, or has a moving tag."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from functions.server import create
from local.layout import CHECKOUT
from shared.bootstrap import services
from shared.settings import SettingsError
from tests.patience import PATIENCE_S

DEPLOY = CHECKOUT / "deploy"
DOCKERFILE = (DEPLOY / "api.Dockerfile").read_text("utf-8")
MANIFESTS = [
    manifest
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text("utf-8"))
]


def _of(kind: str) -> list[dict[str, Any]]:
    return [manifest for manifest in MANIFESTS if manifest["kind"] == kind]


def test_the_image_runs_as_nobody_special_and_is_asked_whether_it_works() -> None:
    instructions = re.findall(r"(?m)^([A-Z]+) (.*)$", DOCKERFILE)
    users = [text for name, text in instructions if name == "USER"]
    assert users == ["10001"]
    assert [name for name, _ in instructions if name == "HEALTHCHECK"]
    assert not [text for name, text in instructions if name == "ADD"]


def test_the_image_installs_what_is_locked_only() -> None:
    assert "--require-hashes" in DOCKERFILE
    assert ":latest" not in DOCKERFILE


@pytest.mark.parametrize(
    ("base", "adapter", "code"),
    [
        (f"python:3.12@sha256:{'a' * 64}", f"adapter:1@sha256:{'b' * 64}", 0),
        (f"python:3.12@sha256:{'a' * 64}", "adapter:1", 1),
        ("python:3.12", f"adapter:1@sha256:{'b' * 64}", 1),
        ("", "", 1),
    ],
)
def test_the_image_is_built_from_images_by_digest_alone(base: str, adapter: str, code: int) -> None:
    assert re.findall(r"(?m)^ARG .*=.*$", DOCKERFILE) == [], "a default is a tag that somebody moves"
    (check,) = re.findall(r"(?ms)^RUN (for image in .*?done)$", DOCKERFILE)
    done = subprocess.run(
        ["sh", "-c", check],
        env={"BASE": base, "ADAPTER": adapter},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, "by digest" in done.stderr) == (code, code == 1)


def test_the_workflow_builds_from_images_that_the_environment_names() -> None:
    text = (CHECKOUT / ".github" / "workflows" / "deploy.yml").read_text("utf-8")
    assert '--build-arg BASE="$BASE" --build-arg ADAPTER="$ADAPTER"' in text
    assert re.findall(r"(BASE|ADAPTER): \$\{\{ vars\.\1_IMAGE \}\}", text) == ["BASE", "ADAPTER"]


def test_the_image_holds_what_it_copies() -> None:
    copied = re.findall(r"(?m)^COPY (?!--from)(.*) \S+$", DOCKERFILE)
    assert [name for line in copied for name in line.split() if not (CHECKOUT / name).exists()] == []


def test_a_container_may_do_as_little_as_it_needs() -> None:
    (deployment,) = _of("Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} <= container["resources"].keys()
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()


def test_no_secret_stands_in_a_manifest() -> None:
    assert _of("Secret") == []
    assert [
        env
        for d in _of("Deployment")
        for c in d["spec"]["template"]["spec"]["containers"]
        for env in c.get("env", ())
    ] == []


def test_what_is_selected_is_what_is_labelled() -> None:
    (deployment,) = _of("Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        *(each["spec"]["selector"] for each in _of("Service")),
        *(each["spec"]["selector"]["matchLabels"] for each in _of("PodDisruptionBudget")),
        *(each["spec"]["podSelector"]["matchLabels"] for each in _of("NetworkPolicy")),
    ]
    assert [selector for selector in selectors if not selector.items() <= labels.items()] == []
    assert len(selectors) == 4


def test_kustomize_puts_them_together() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("not tested: kustomize, for which there is no kubectl here")
    command = ["kubectl", "kustomize", str(DEPLOY / "kubernetes")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    made = [each for each in yaml.safe_load_all(done.stdout) if each]
    assert sorted(each["kind"] for each in made) == sorted(
        each["kind"] for each in MANIFESTS if each["kind"] != "Kustomization"
    )
    (deployment,) = [each for each in made if each["kind"] == "Deployment"]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "galen/inference:1"


def test_the_server_names_the_setting_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GALEN_RECORDS", "GALEN_RECORDS__accountEndpoint", "GALEN_LINK_KEY"):
        monkeypatch.delenv(name, raising=False)
    services.cache_clear()
    with pytest.raises(SettingsError, match="GALEN_"):
        create()
