"""The same for asynchronous clients."""

from __future__ import annotations

from typing import Any

from azure.core.credentials import AccessToken

from .fake_credentials import FakeTokenCredential


class AsyncFakeCredential:
    """Gives the same token for every scope."""

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Returns a token that expires in an hour."""
        return FakeTokenCredential().get_token(*scopes, **options)

    async def close(self) -> None:
        """Has nothing to let go of."""

    async def __aenter__(self) -> AsyncFakeCredential:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
