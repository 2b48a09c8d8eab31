"""Disproportionality of a drug and a reaction among spontaneous reports.

Of all reports: `a` name the drug and the reaction, `b` the drug without the reaction, `c` the reaction without the
drug, `d` neither. PRR and its criteria (at least 3 reports, PRR at least 2, chi-square with Yates's correction at
least 4): S. J. W. Evans, P. C. Waller, S. Davis, Use of proportional reporting ratios (PRRs) for signal generation
from spontaneous adverse drug reaction reports, Pharmacoepidemiology and Drug Safety 10 (2001) 483-486. ROR with its
95 % interval, a signal where the lower bound is above 1: E. P. van Puijenbroek et al., A comparison of measures of
disproportionality for signal detection in spontaneous reporting systems, Pharmacoepidemiology and Drug Safety 11
(2002) 3-10. A table with an empty cell gets one half added to each cell (Haldane 1956, Anscombe 1956) before ratios
are formed; chi-square is of the counts as they are. A signal is a question for a reviewer: it is no rate, no risk and
no proof of cause.
"""

from __future__ import annotations

import math
from typing import Any, Final

from spark.measures.intervals import Z_95

MIN_REPORTS: Final = 3
MIN_PRR: Final = 2.0
MIN_CHI_SQUARE: Final = 4.0
MIN_ROR_LOWER: Final = 1.0
EMPTY_CELL: Final = 0.5
"""What each cell gains where one is empty."""


def proportional_reporting_ratio(a: Any, b: Any, c: Any, d: Any) -> Any:
    """PRR = (a / (a + b)) / (c / (c + d)), of cells without a zero; numbers or Spark columns."""
    return (a / (a + b)) / (c / (c + d))


def prr_bounds(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any]:
    """The 95 % interval of the PRR by the logarithm's standard error."""
    return _bounds(
        proportional_reporting_ratio(a, b, c, d), (1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)) ** 0.5
    )


def reporting_odds_ratio(a: Any, b: Any, c: Any, d: Any) -> Any:
    """ROR = ad / bc, of cells without a zero; numbers or Spark columns."""
    return (a * d) / (b * c)


def ror_bounds(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any]:
    """The 95 % interval of the ROR by the logarithm's standard error."""
    return _bounds(reporting_odds_ratio(a, b, c, d), (1 / a + 1 / b + 1 / c + 1 / d) ** 0.5)


def yates_numerator(a: Any, b: Any, c: Any, d: Any, distance: Any) -> Any:
    """n·distance², where `distance` is |ad − bc| − n/2 and not below zero."""
    return (a + b + c + d) * distance * distance


def yates_denominator(a: Any, b: Any, c: Any, d: Any) -> Any:
    """The product of the four margins; chi-square is undefined where it is zero, and then no evidence."""
    return (a + b) * (c + d) * (a + c) * (b + d)


def yates_chi_square(a: float, b: float, c: float, d: float) -> float:
    """Chi-square with Yates's correction; 0 where a margin is empty."""
    margins = yates_denominator(a, b, c, d)
    distance = max(0.0, abs(a * d - b * c) - (a + b + c + d) / 2)
    return float(yates_numerator(a, b, c, d, distance) / margins) if margins else 0.0


def _bounds(ratio: Any, standard_error: Any) -> tuple[Any, Any]:
    factor = math.e ** (Z_95 * standard_error)
    return ratio / factor, ratio * factor
