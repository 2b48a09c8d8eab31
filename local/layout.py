"""Where things are in the checkout, for everything that runs locally."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
LOCKS = CHECKOUT / "requirements"
DEFAULT_DATA = CHECKOUT / ".local"
DEFAULT_PORT = 7071


def runs_of(data: Path) -> Path:
    """Where training keeps its runs on a platform's folder: MLflow's store with the files beside it."""
    return data / "mlflow"


def lock_of(group: str) -> Path:
    """The lock file of a dependency group; `function` is at the root because Azure Functions installs that one."""
    return CHECKOUT / "requirements.txt" if group == "function" else LOCKS / f"{group}.txt"
