"""Clients of the SDKs, as they are made."""

from __future__ import annotations

import pytest

from local.ports import free_ports
from shared.adapters.azure.connections import cosmos_client
from shared.errors import Unavailable
from shared.settings import Settings


def test_a_store_that_nobody_answers_for_is_unavailable_already_when_its_client_is_made() -> None:
    (port,) = free_ports(1, [])
    nobody = f"AccountEndpoint=http://127.0.0.1:{port}/;AccountKey=bm9ib2R5;"
    with pytest.raises(Unavailable):
        cosmos_client(Settings(records=nobody))
