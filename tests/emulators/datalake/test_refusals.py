"""Who is let in, which names are refused, and what says that it is left out."""

from __future__ import annotations

import base64
import email.utils
import hmac
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.storage.blob import (
    AccountSasPermissions,
    BlobClient,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    ResourceTypes,
    generate_account_sas,
    generate_blob_sas,
    generate_container_sas,
)
from azure.storage.filedatalake import (
    DataLakeDirectoryClient,
    DirectorySasPermissions,
    FileSystemClient,
    generate_directory_sas,
)

from local.emulators.datalake.auth import WELL_KNOWN_ACCOUNT, WELL_KNOWN_KEY
from tests.emulators.datalake.emulator import Emulator, code_of

OTHER_KEY = base64.b64encode(b"another key").decode()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One over a folder of its own, in one of its own: all that is there and beside it is looked at again and again."""
    running = Emulator(tmp_path_factory.mktemp("confined") / "lake")
    yield running
    assert running.stop() == 0


def later(minutes: int = 10) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


def test_refuses_another_key_and_another_account(emulator: Emulator, container: ContainerClient) -> None:
    for account, key in ((WELL_KNOWN_ACCOUNT, OTHER_KEY), ("someoneelse", WELL_KNOWN_KEY)):
        credential = {"account_name": account, "account_key": key}
        with BlobServiceClient(emulator.url, credential=credential, retry_total=0) as service:
            with pytest.raises(ClientAuthenticationError) as refused:
                list(service.list_containers())
            assert (refused.value.status_code, code_of(refused.value)) == (403, "AuthenticationFailed")


def test_refuses_anonymous_requests(emulator: Emulator, container: ContainerClient) -> None:
    container.upload_blob("a", b"x")
    with BlobClient.from_blob_url(f"{container.url}/a", retry_total=0) as anonymous:
        with pytest.raises(ClientAuthenticationError) as refused:
            anonymous.download_blob()
        assert (refused.value.status_code, code_of(refused.value)) == (401, "NoAuthenticationInformation")


def _signed(method: str, path: str, *, at: float, scheme: str = "SharedKeyLite") -> dict[str, str]:
    date = email.utils.formatdate(at, usegmt=True)
    resource = f"x-ms-date:{date}\nx-ms-version:2025-01-05\n/{WELL_KNOWN_ACCOUNT}{path}"
    text = f"{method}\n\n\n\n{resource}" if scheme == "SharedKeyLite" else f"{method}{chr(10) * 12}{resource}"
    signature = base64.b64encode(
        hmac.digest(base64.b64decode(WELL_KNOWN_KEY), text.encode(), "sha256")
    ).decode()
    return {
        "x-ms-date": date,
        "x-ms-version": "2025-01-05",
        "Authorization": f"{scheme} {WELL_KNOWN_ACCOUNT}:{signature}",
    }


@pytest.mark.parametrize("scheme", ["SharedKey", "SharedKeyLite"])
def test_takes_both_forms_of_signature_but_no_old_one(
    emulator: Emulator, container: ContainerClient, scheme: str
) -> None:
    container.upload_blob("a", b"x")
    target = f"/{WELL_KNOWN_ACCOUNT}/{container.container_name}/a"
    ask = emulator.ask
    assert ask("GET", target, _signed("GET", target, at=time.time(), scheme=scheme))[0] == 200
    assert ask("GET", target, _signed("GET", target, at=time.time() - 3600, scheme=scheme))[0] == 403
    assert ask("DELETE", target, _signed("GET", target, at=time.time(), scheme=scheme))[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        "../{other}/secret",
        "..%2f{other}/secret",
        "%2e%2e/{other}/secret",
        "a/%2E%2E/%2E%2E/{other}/secret",
        "a/..%5c..%5c{other}",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "a//b",
        "a/./b",
        "a%00b",
        "a%0ab",
        "%ff%fe",
        ".",
        "..",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_never_leaves_the_container(
    emulator: Emulator, container: ContainerClient, path: str, method: str
) -> None:
    data: Path = emulator.data
    (data / "other").mkdir(exist_ok=True)
    (data / "other" / "secret").write_bytes(b"secret")
    before = {found for found in data.parent.rglob("*") if ".emulator" not in found.parts}
    target = f"/{WELL_KNOWN_ACCOUNT}/{container.container_name}/{path.format(other='other')}"
    headers = _signed(method, target, at=time.time(), scheme="SharedKey")
    status, _, body = emulator.ask(method, target, headers)
    assert status == 400
    assert b"secret" not in body
    assert {found for found in data.parent.rglob("*") if ".emulator" not in found.parts} == before


@pytest.mark.parametrize("name", [".emulator", "..", "UPPER", "a", "a--b", "-ab", "x" * 64])
def test_refuses_a_container_name_azure_would_not_take(emulator: Emulator, name: str) -> None:
    target = f"/{WELL_KNOWN_ACCOUNT}/{name}/x"
    headers = _signed("GET", target, at=time.time(), scheme="SharedKey")
    assert emulator.ask("GET", target, headers)[0] == 400


def test_refuses_a_rename_from_outside(file_system: FileSystemClient) -> None:
    file = file_system.create_file("a")
    for source in ("/../etc/passwd", f"/{file_system.file_system_name}/../../etc/passwd"):
        with pytest.raises(HttpResponseError) as refused:
            file._client.path.create(mode="legacy", rename_source=source)
        assert refused.value.status_code == 400


@pytest.mark.parametrize("directory", ["../other", "a/../../other", "/../other", ".", "a//b"])
def test_lists_no_directory_outside(file_system: FileSystemClient, directory: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        list(file_system.get_paths(directory))
    assert refused.value.status_code == 400


def test_takes_no_header_line_hidden_in_metadata(file_system: FileSystemClient) -> None:
    file = file_system.get_file_client("a")
    with pytest.raises(HttpResponseError) as refused:
        file.create_file(metadata={"k": "v\r\nSet-Cookie: x"})
    assert code_of(refused.value) == "InvalidMetadata"
    assert not file.exists()


def test_lets_a_blob_sas_do_only_what_it_says(container: ContainerClient) -> None:
    container.upload_blob("a/b", b"x")
    container.upload_blob("other", b"x")
    token = generate_blob_sas(
        WELL_KNOWN_ACCOUNT,
        str(container.container_name),
        "a/b",
        account_key=WELL_KNOWN_KEY,
        permission=BlobSasPermissions(read=True),
        expiry=later(),
    )
    with BlobClient.from_blob_url(f"{container.url}/a/b?{token}", retry_total=0) as blob:
        assert blob.download_blob().readall() == b"x"
        with pytest.raises(HttpResponseError) as refused:
            blob.delete_blob()
        assert code_of(refused.value) == "AuthorizationPermissionMismatch"
    with BlobClient.from_blob_url(f"{container.url}/other?{token}", retry_total=0) as blob:
        with pytest.raises(ClientAuthenticationError) as elsewhere:
            blob.download_blob()
        assert code_of(elsewhere.value) == "AuthenticationFailed"


def test_refuses_an_expired_or_forged_sas(container: ContainerClient) -> None:
    container.upload_blob("a", b"x")
    for key, expiry in ((WELL_KNOWN_KEY, later(-1)), (OTHER_KEY, later())):
        token = generate_container_sas(
            WELL_KNOWN_ACCOUNT,
            str(container.container_name),
            account_key=key,
            permission=ContainerSasPermissions(read=True, list=True),
            expiry=expiry,
        )
        with ContainerClient.from_container_url(f"{container.url}?{token}", retry_total=0) as client:
            with pytest.raises(ClientAuthenticationError) as refused:
                list(client.list_blobs())
            assert code_of(refused.value) == "AuthenticationFailed"


def test_takes_container_account_and_directory_sas(emulator: Emulator, container: ContainerClient) -> None:
    url: str = emulator.url
    container.upload_blob("d/e/f", b"x")
    name = str(container.container_name)
    token = generate_container_sas(
        WELL_KNOWN_ACCOUNT, name, account_key=WELL_KNOWN_KEY, permission="racwdl", expiry=later()
    )
    with ContainerClient.from_container_url(f"{container.url}?{token}", retry_total=0) as by_container:
        by_container.upload_blob("d/g", b"y")
        assert "d/g" in [blob.name for blob in by_container.list_blobs()]
    token = generate_account_sas(
        WELL_KNOWN_ACCOUNT,
        WELL_KNOWN_KEY,
        ResourceTypes(service=True, container=True, object=True),
        AccountSasPermissions(read=True, list=True),
        later(),
    )
    with BlobServiceClient(url, credential=token, retry_total=0) as by_account:
        assert name in [found.name for found in by_account.list_containers()]
        assert by_account.get_blob_client(name, "d/e/f").download_blob().readall() == b"x"
    permission = DirectorySasPermissions(read=True, write=True, create=True)
    token = generate_directory_sas(
        WELL_KNOWN_ACCOUNT, name, "d", WELL_KNOWN_KEY, permission=permission, expiry=later()
    )
    with DataLakeDirectoryClient(url, name, "d", credential=token, retry_total=0) as by_directory:
        assert by_directory.get_file_client("e/f").download_file().readall() == b"x"
        by_directory.create_file("new")


def test_names_what_it_leaves_out(container: ContainerClient, file_system: FileSystemClient) -> None:
    blob = container.upload_blob("a", b"x")
    left_out: dict[str, Callable[[], object]] = {
        "snapshots": blob.create_snapshot,
        "blob tags": lambda: blob.set_blob_tags({"a": "b"}),
        "page blobs": lambda: container.get_blob_client("page").create_page_blob(512),
        "soft delete": blob.undelete_blob,
        "blob queries": lambda: blob.query_blob("SELECT * from BlobStorage"),
        "access control lists": lambda: file_system.create_file("a").set_access_control(
            permissions="rwxrwxrwx"
        ),
    }
    for name, call in left_out.items():
        with pytest.raises(HttpResponseError, match=name) as refused:
            call()
        assert (refused.value.status_code, code_of(refused.value)) == (501, "NotImplemented")
