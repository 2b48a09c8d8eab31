"""What is left at the end of an invocation: between two of them Lambda stops every thread, and may end the process.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html
"""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.bootstrap import Services


def leave(services: "Services") -> None:
    """The counts of this invocation, for the other processes and for CloudWatch, which reads them from the log."""
    services.metrics.leave()
    tell(services.embedded.counts(services.meter.export()["counters"], services.clock.now()))


def tell(lines: Iterable[str]) -> None:
    """A line each on standard output, which Lambda's log has as it is."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
