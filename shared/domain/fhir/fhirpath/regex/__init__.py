"""Regular expressions whose time is bounded by the length of the text, for patterns that come from outside.

Python's `re` backtracks: `(a+)+b` on thirty letters takes minutes, and nothing can stop it. Here a pattern becomes an
automaton (https://swtch.com/~rsc/regexp/regexp3.html), which reads each character once; what an automaton cannot do,
back references and looking around, is refused.
"""

from shared.domain.fhir.fhirpath.regex.automaton import Pattern, compile_pattern

__all__ = ["Pattern", "compile_pattern"]
