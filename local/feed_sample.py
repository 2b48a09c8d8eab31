"""Feeds the sample to the platform in $GALEN_RUN_DATA, unless records are there already."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from azure.cosmos import CosmosClient

from local.demo import feed
from local.run_state import RunState
from shared import names


def has_records(connection: str) -> bool:
    """Whether any resource is on record; the platform's own items do not count."""
    with CosmosClient.from_connection_string(connection) as client:
        container = client.get_database_client(names.DATABASE).get_container_client(names.RECORDS_CONTAINER)
        found = container.query_items(
            "SELECT TOP 1 c.id FROM c WHERE c.kind = 'current'", enable_cross_partition_query=True
        )
        return next(iter(found), None) is not None


def main() -> int:
    """0 where everything was accounted for, or nothing had to be done."""
    state = RunState.load(Path(os.environ["GALEN_RUN_DATA"]))
    if state is None:
        return 1
    if names.RECORDS_CONNECTION in state.settings and has_records(state.settings[names.RECORDS_CONNECTION]):
        print("galen: records are there already: the sample is not fed again", file=sys.stderr)
        return 0
    return int(feed.run(state) or 0)


if __name__ == "__main__":
    sys.exit(main())
