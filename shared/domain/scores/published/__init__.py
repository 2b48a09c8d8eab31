"""Published scores beside the early warning scores: SIRS, SOFA, LACE, HOSPITAL and the Morse Fall Scale.

Pure functions: measured values in, a tally out. None means not measured. What is missing gives no points and is named, so a
tally with something missing is a lower bound; where nothing at all is known the total is None.
"""

from shared.domain.scores.published.hospital import score_hospital
from shared.domain.scores.published.lace import score_lace
from shared.domain.scores.published.morse import score_morse
from shared.domain.scores.published.sirs import score_sirs
from shared.domain.scores.published.sofa import score_sofa
from shared.domain.scores.published.tally import Tally

__all__ = ["Tally", "score_hospital", "score_lace", "score_morse", "score_sirs", "score_sofa"]
