"""How a command of `python3 -m local` ends: exit codes, and the exception that carries a sentence and one of them."""

from __future__ import annotations

OK = 0
FINDING = 1
USAGE = 2
NOT_RUNNING = 3
INTERRUPTED = 130


class CommandStopped(Exception):
    """Ends a command: the message is printed on standard error as it stands and says what to do."""

    def __init__(self, message: str, exit_code: int = FINDING) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class NotRunning(CommandStopped):
    """The command needs a running platform and found none."""

    def __init__(self, message: str) -> None:
        super().__init__(message, NOT_RUNNING)
