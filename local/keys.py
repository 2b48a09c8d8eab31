"""The secrets of a platform on this computer: made at its first start, kept in its data folder, readable by its owner only.

The packaged app has no key and no client of its own: what stands here reaches it as settings, as a vault's would.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

CLIENT_ID: Final = "local"
TENANT: Final = "default"
SCOPES: Final = ("system/*.cruds",)
_FILE: Final = "keys.json"


def local_keys(data: Path) -> dict[str, str]:
    """`signing_key` (PEM, EC P-256), `link_key` and `client_secret` of a data folder, made where they are missing."""
    path = data / _FILE
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        made = {
            "signing_key": pem,
            "link_key": secrets.token_hex(32),
            "client_secret": secrets.token_urlsafe(32),
        }
        partial = path.with_suffix(f".{os.getpid()}")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(made), "utf-8")
        partial.replace(path)
    found: dict[str, str] = json.loads(path.read_text("utf-8"))
    return found


def access_settings(data: Path) -> dict[str, str]:
    """The settings of access for the app: its keys, and one client that may do everything in the default tenant.

    The metrics are open, because a platform on this computer listens on 127.0.0.1 only.
    """
    keys = local_keys(data)
    digest = hashlib.sha256(keys["client_secret"].encode()).hexdigest()
    client = {"client_id": CLIENT_ID, "tenant": TENANT, "scopes": list(SCOPES), "secret_sha256": digest}
    return {
        "GALEN_TOKEN_SIGNING_KEY": keys["signing_key"],
        "GALEN_LINK_KEY": keys["link_key"],
        "GALEN_TOKEN_CLIENTS": json.dumps([client]),
        "GALEN_METRICS_ACCESS": "open",
    }
