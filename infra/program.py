"""Which program and which rules a stack has, by its cloud; each cloud's kit is loaded only when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from infra.config import StackConfig
from infra.policies.rule import Finding, Rule, examine
from infra.recording import Recording, record, with_secrets_assumed


def provision(config: StackConfig) -> None:
    """Declares the stack."""
    import_module(f"infra.{config.cloud}.stack").provision(config)


def rules_of(config: StackConfig) -> tuple[Rule, ...]:
    """The rules that the stack must keep."""
    rules: tuple[Rule, ...] = import_module(f"infra.policies.{config.cloud}").RULES
    return tuple(rule for rule in rules if rule.holds_for(config))


@dataclass(frozen=True, slots=True)
class RecordedStack:
    """A stack's settings and its resources as recorded."""

    config: StackConfig
    recording: Recording

    def findings(self) -> list[Finding]:
        """What breaks a rule."""
        return [finding for rule in rules_of(self.config) for finding in examine(rule, self.recording)[1]]


def record_stack(stack: str, settings: str) -> RecordedStack:
    """Records a stack as the text of its configuration file says. Raises ConfigurationError for a setting that is wrong."""
    found: list[StackConfig] = []

    def program() -> None:
        found.append(StackConfig.from_pulumi())
        provision(found[0])

    recording = record(program, stack=stack, configuration=with_secrets_assumed(settings))
    return RecordedStack(found[0], recording)
