"""The program that `pulumi up` runs."""

import sys
from pathlib import Path

# Pulumi starts this file with its own folder on the path, where `azure` would stand for the cloud's SDK.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from infra.config import StackConfig  # noqa: E402
from infra.program import provision  # noqa: E402

provision(StackConfig.from_pulumi())
