"""Confidence intervals of shares.

Wilson's score interval: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22
(1927) 209-212; recommended for small counts by Brown, Cai and DasGupta, Interval estimation for a binomial
proportion, Statistical Science 16 (2001) 101-133.
"""

from __future__ import annotations

from typing import Any, Final

Z_95: Final = 1.959963984540054
"""The 97.5th percentile of the standard normal distribution."""


def wilson(events: Any, total: Any, z: float = Z_95) -> tuple[Any, Any]:
    """Lower and upper bound of the share `events / total`; `total` is above zero.

    Plain arithmetic, so numbers and Spark columns both go in.
    """
    share = events / total
    square = z * z
    scale = 1 + square / total
    centre = (share + square / (2 * total)) / scale
    half = z * (share * (1 - share) / total + square / (4 * total * total)) ** 0.5 / scale
    return centre - half, centre + half
