"""Credentials that open nothing."""

from __future__ import annotations

import time
from typing import Any

from azure.core.credentials import AccessToken

STORAGE_ACCOUNT_FAKE_KEY = (
    "NzhL3hKZbJBuJ2484dPTR+xF30kYaWSSCbs2BzLgVVI1woqeST/1IgqaLm6QAOTxtGvxctSNbIR/1hW8yH+bJg=="
)
FAKE_ACCESS_TOKEN = "a-token-that-opens-nothing"


class FakeTokenCredential:
    """Gives the same token for every scope."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        """Returns a token that expires in an hour."""
        return AccessToken(FAKE_ACCESS_TOKEN, int(time.time()) + 3600)
