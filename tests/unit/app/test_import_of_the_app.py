"""What `import function_app` may load: a function that starts cold pays for every module of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
PACKAGES = {"azure", "function_app", "functions", "markupsafe", "orjson", "shared", "werkzeug"}
OURS = {
    "functions",
    "functions.azure",
    "functions.azure.events",
    "functions.azure.http",
    "functions.azure.landing",
    "functions.azure.reactions",
    "functions.azure.schedules",
    "functions.azure.streams",
    "shared",
    "functions.needs",
    "shared.domain",
    "shared.domain.ingest",
    "shared.domain.ingest.stream_record",
    "shared.names",
}
AZURE = {"azure", "azure.functions"}


def modules_loaded_by_the_app() -> set[str]:
    script = "import sys; before = set(sys.modules); import function_app; print(*set(sys.modules) - before)"
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=CHECKOUT, check=True
    )
    return set(ran.stdout.split())


def test_loads_azure_functions_and_what_that_needs_but_no_sdk_and_no_resource_models() -> None:
    loaded = modules_loaded_by_the_app()
    packages = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    assert packages == PACKAGES
    assert {".".join(name.split(".")[:2]) for name in loaded if name.startswith("azure")} == AZURE


def test_loads_only_the_bindings_of_ours_and_leaves_the_use_cases_to_the_first_call() -> None:
    assert {name for name in modules_loaded_by_the_app() if name.startswith(("shared", "functions"))} == OURS
