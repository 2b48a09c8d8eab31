"""`local infra`: draws what a stack would be in the cloud, without an account; writes the page of all of them."""

from __future__ import annotations

import argparse
import sys

from local import exits
from local.cli.options import new_parser
from local.exits import CommandStopped
from local.layout import CHECKOUT

PAGE = "docs/infrastructure.md"
STACKS = ("azure-dev", "azure-prod", "aws-dev", "aws-prod")
_EXAMPLES = """  python3 -m local infra preview           the stack azure-dev: resources, private endpoints, grants, rules
  python3 -m local infra preview aws-prod  any other stack with a Pulumi.<stack>.yaml
  python3 -m local infra document          writes docs/infrastructure.md: all stacks with their graphs, grants and rules
  python3 -m local infra alarms > alarms.yml
                                           the platform's alarms for a Prometheus of one's own
  pulumi preview --stack azure-dev         the same against your subscription (needs the Pulumi command and `az login`)
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(subparsers, "infra", "show what would be provisioned in the cloud", _EXAMPLES)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    preview = actions.add_parser(
        "preview", help="draw the resources and grants of a stack, and check the rules"
    )
    preview.add_argument(
        "stack", nargs="?", default="azure-dev", help="a stack with a Pulumi.<stack>.yaml (default azure-dev)"
    )
    actions.add_parser("alarms", help="print the platform's alarms as a rules file of Prometheus")
    actions.add_parser("document", help=f"write {PAGE} from the programs of all stacks")


def run(args: argparse.Namespace) -> int:
    """Runs the action."""
    if args.action == "alarms":
        from infra.alerts.alarms import ALARMS
        from infra.alerts.prometheus import rules_file

        print(rules_file(ALARMS), end="")
        return exits.OK
    return _document() if args.action == "document" else _preview(args)


def _document() -> int:
    """Writes the page; exit code 1 where a rule is broken."""
    from infra.document import page
    from infra.program import record_stack

    stacks = {
        stack: record_stack(stack, (CHECKOUT / f"Pulumi.{stack}.yaml").read_text("utf-8")) for stack in STACKS
    }
    (CHECKOUT / PAGE).write_text(page(stacks), "utf-8")
    print(f"written: {PAGE}", file=sys.stderr)
    return exits.FINDING if any(stack.findings() for stack in stacks.values()) else exits.OK


def _preview(args: argparse.Namespace) -> int:
    """Prints the drawing; exit code 1 where a rule is broken."""
    settings = CHECKOUT / f"Pulumi.{args.stack}.yaml"
    if not settings.is_file():
        known = ", ".join(sorted(path.name.split(".")[1] for path in CHECKOUT.glob("Pulumi.*.yaml")))
        raise CommandStopped(f"there is no stack {args.stack!r}: known are {known}", exits.USAGE)
    print("galen: loading the cloud's resource types, which takes some seconds", file=sys.stderr, flush=True)
    from infra.config import ConfigurationError
    from infra.drawing import draw
    from infra.program import record_stack, rules_of

    try:
        stack = record_stack(args.stack, settings.read_text("utf-8"))
    except ConfigurationError as wrong:
        raise CommandStopped(f"nothing was created: {wrong}", exits.USAGE) from wrong
    print("\n".join(draw(stack.recording)))
    findings, rules = stack.findings(), rules_of(stack.config)
    print(f"\n{len(rules)} rules: {'all kept' if not findings else f'{len(findings)} broken'}")
    for finding in findings:
        print(f"  {finding.rule}: {finding.resource} {finding.text}")
    return exits.FINDING if findings else exits.OK
