"""How long a test waits for what has to come. A wait that is fulfilled costs nothing, so it suits any machine."""

from __future__ import annotations

from typing import Final

PATIENCE_S: Final = 300.0
