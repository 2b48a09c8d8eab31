"""The lakehouse bench in a process that has Spark's environment: one JSON object on standard output."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from local.bench.ingest import real_bundles
from local.bench.lakehouse import Bench


def main() -> int:
    """Prints one JSON object: `runs`."""
    from spark.session import SparkSettings, create_session

    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, required=True)
    parser.add_argument("--multiples", required=True)
    options = parser.parse_args()
    multiples = [int(each) for each in options.multiples.split(",")]
    texts = [each.body.decode() for each in list(real_bundles())[: options.patients]]
    spark = create_session(SparkSettings.from_environment(os.environ), "galen bench")

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    try:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(spark, Path(folder), texts, say)
            runs = [asdict(each) for each in bench.multiples(multiples)]
            print(json.dumps({"runs": runs}), flush=True)
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
