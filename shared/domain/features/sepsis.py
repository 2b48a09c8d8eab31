"""Features of a stay in intensive care, hour by hour, for sepsis within the next hours.

Source of the variables and their units: PhysioNet/CinC Challenge 2019,
https://physionet.org/content/challenge-2019/1.0.0/. The features of an hour are a function of that hour and the ones
before it. A value that no patient has (PLAUSIBLE) counts as not measured; FiO2 above 1 is read as percent. NaN is not
measured. Ages and windows are in hours.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final, TypeAlias

from shared.domain.features.measured import WINDOWS, Laboratory, Vital

VITALS: Final = ("HR", "O2Sat", "Temp", "SBP", "MAP", "DBP", "Resp", "EtCO2")
LABS: Final = (
    "BaseExcess", "HCO3", "FiO2", "pH", "PaCO2", "SaO2", "AST", "BUN", "Alkalinephos", "Calcium", "Chloride",
    "Creatinine", "Bilirubin_direct", "Glucose", "Lactate", "Magnesium", "Phosphate", "Potassium",
    "Bilirubin_total", "TroponinI", "Hct", "Hgb", "PTT", "WBC", "Fibrinogen", "Platelets",
)  # fmt: skip
PERSON: Final = ("Age", "Gender", "Unit1", "Unit2", "HospAdmTime", "ICULOS")
MEASURED: Final = VITALS + LABS
COLUMNS: Final = MEASURED + PERSON
# The values of COLUMNS in an hour.
Hour: TypeAlias = tuple[float, ...]
# By variable its value in an hour and the features that it came to.
Shown: TypeAlias = dict[int, tuple[float, list[float]]]
_NOT_SHOWN: Final[tuple[float, list[float]]] = (math.nan, [])

# Limits beyond which a value is an error of device, unit or typing.
PLAUSIBLE: Final[dict[str, tuple[float, float]]] = {
    "HR": (10, 300), "O2Sat": (20, 100), "Temp": (25, 45), "SBP": (20, 300), "MAP": (10, 250),
    "DBP": (5, 250), "Resp": (1, 100), "EtCO2": (5, 150), "BaseExcess": (-40, 40), "HCO3": (1, 60),
    "FiO2": (0.2, 1.0), "pH": (6.5, 8.0), "PaCO2": (5, 200), "SaO2": (10, 100), "AST": (1, 30_000),
    "BUN": (0.5, 400), "Alkalinephos": (1, 5_000), "Calcium": (0.3, 30), "Chloride": (50, 180),
    "Creatinine": (0.05, 60), "Bilirubin_direct": (0, 60), "Glucose": (5, 2_000), "Lactate": (0.05, 50),
    "Magnesium": (0.2, 15), "Phosphate": (0.1, 25), "Potassium": (1, 20), "Bilirubin_total": (0, 80),
    "TroponinI": (0, 1_000), "Hct": (5, 80), "Hgb": (1, 35), "PTT": (5, 300), "WBC": (0, 600),
    "Fibrinogen": (10, 2_000), "Platelets": (0, 3_000),
}  # fmt: skip
_PANEL = 4  # laboratory values in one hour that make a panel
_SHOCK_HOURS = 12
_RECENT = 24
_SIRS, _SOFA, _NEWS = 4, 12, 13  # places of the sums among the criteria

# The vital signs of NEWS2 (shared/domain/scores/news2.py): the highest value of each column of the chart, and its points.
_NEWS2: Final = {
    "Resp": ((8, 11, 20, 24), (3, 1, 0, 2, 3)), "O2Sat": ((91, 93, 95), (3, 2, 1, 0)),
    "SBP": ((90, 100, 110, 219), (3, 2, 1, 0, 3)), "HR": ((40, 50, 90, 110, 130), (3, 1, 0, 1, 2, 3)),
    "Temp": ((35, 36, 38, 39), (3, 1, 0, 1, 2)),
}  # fmt: skip

_MOVED = ("change in 6 h", "above its lowest in 24 h", "mean in 24 h", "highest in 24 h", "mean in 6 h")
_DERIVED: Final = (
    "ICULOS", "HospAdmTime", "Age", "Gender", "Unit", "shock index", "highest shock index in 12 h",
    "pulse pressure", "modified shock index", "BUN/Creatinine", "O2Sat/FiO2", "SaO2/FiO2",
    "SIRS temperature", "SIRS heart rate", "SIRS respiration", "SIRS white cells", "SIRS",
    "low systolic pressure", "fast breathing", "SOFA platelets", "SOFA bilirubin", "SOFA creatinine",
    "SOFA pressure", "SOFA oxygen", "SOFA without catecholamines and coma", "NEWS2 of vital signs",
    "laboratory values now", "laboratory values in 6 h", "laboratory values in 12 h",
    "laboratory values in 24 h", "laboratory values", "vital signs now", "vital signs in 6 h",
    "vital signs in 24 h", "kinds of laboratory values", "hours since a laboratory value",
    "hours since a panel", "panels", "heart rate without fever", "Resp/O2Sat", "Hct/Hgb",
    "Chloride + HCO3", "hours with fever", "hours with fast pulse", "hours with low pressure",
    "laboratory values an hour", "temperatures an hour", "hours in intensive care before the first row",
    "hours in hospital", "kinds of laboratory values in 6 h", "kinds of laboratory values in 24 h",
    *(f"{what} laboratory values in {window} h" for what in ("unusual", "first") for window in WINDOWS),
    *(
        f"{score} {part}"
        for score in ("SIRS", "SOFA", "NEWS2")
        for part in _MOVED
    ),
)  # fmt: skip
# The variables of derived features, by the whole name or by the first word of it.
_OF: Final[dict[str, tuple[str, ...]]] = {
    "shock index": ("HR", "SBP"), "highest shock index in 12 h": ("HR", "SBP"), "pulse pressure": ("SBP", "DBP"),
    "modified shock index": ("HR", "MAP"), "BUN/Creatinine": ("BUN", "Creatinine"), "O2Sat/FiO2": ("O2Sat", "FiO2"),
    "SaO2/FiO2": ("SaO2", "FiO2"), "Resp/O2Sat": ("Resp", "O2Sat"), "Hct/Hgb": ("Hct", "Hgb"),
    "Chloride + HCO3": ("Chloride", "HCO3"), "heart rate without fever": ("HR", "Temp"),
    "SIRS temperature": ("Temp",), "SIRS heart rate": ("HR",), "SIRS respiration": ("Resp", "PaCO2"),
    "SIRS white cells": ("WBC",), "low systolic pressure": ("SBP",), "fast breathing": ("Resp",),
    "SOFA platelets": ("Platelets",), "SOFA bilirubin": ("Bilirubin_total",), "SOFA creatinine": ("Creatinine",),
    "SOFA pressure": ("MAP",), "SOFA oxygen": ("O2Sat", "FiO2"), "hours with fever": ("Temp",),
    "hours with fast pulse": ("HR",), "hours with low pressure": ("MAP",), "temperatures an hour": ("Temp",),
    "SIRS": ("Temp", "HR", "Resp", "PaCO2", "WBC"), "NEWS2": tuple(_NEWS2),
    "SOFA": ("Platelets", "Bilirubin_total", "Creatinine", "MAP", "O2Sat", "FiO2"),
}  # fmt: skip
NAMES: Final = (
    *(f"{name} {part}" for name in VITALS for part in Vital.PARTS),
    *(f"{name} {part}" for name in LABS for part in Laboratory.PARTS),
    *_DERIVED,
)


def sepsis_features(hours: Iterable[Hour]) -> Iterator[list[float]]:
    """For each hour, oldest first, the values of NAMES."""
    stay = Stay()
    for hour in hours:
        yield stay.advance(hour)


@cache
def rests_on(feature: str) -> tuple[str, ...]:
    """The variables that one of NAMES is computed from; none where it is a fact of the person or of the stay."""
    first = feature.partition(" ")[0]
    found = _OF.get(feature) or _OF.get(first) or ((first,) if first in MEASURED else ())
    if found:
        return found
    if "laboratory value" in feature or "panel" in feature:
        return LABS
    return VITALS if "vital signs" in feature else ()


@cache
def places_of(names: tuple[str, ...]) -> tuple[int, ...]:
    """Where features stand among NAMES: a model asks for some of them. Raises KeyError for one that is not there."""
    place = {name: number for number, name in enumerate(NAMES)}
    return tuple(place[name] for name in names)


def chosen(row: Sequence[float], names: tuple[str, ...]) -> list[float]:
    """The values of some features, in the order of their names."""
    return [row[place] for place in places_of(names)]


def implausible(hour: Hour) -> list[str]:
    """The variables of an hour whose values are taken as not measured because no patient has them."""
    pairs = zip(MEASURED, hour, strict=False)
    return [name for name, value in pairs if not math.isnan(value) and math.isnan(_plausible(name, value))]


def _plausible(name: str, value: float) -> float:
    if name == "FiO2" and 1 < value <= 100:
        value /= 100
    lowest, highest = PLAUSIBLE[name]
    return value if lowest <= value <= highest else math.nan


class Stay:
    """What is known of a stay so far; one step an hour."""

    def __init__(self) -> None:
        self._hours = 0
        self._known: dict[str, Vital | Laboratory] = {
            **{name: Vital() for name in VITALS},
            **{name: Laboratory() for name in LABS},
        }
        self._labs = [self._known[name] for name in LABS]
        self._lab_counts: list[int] = []
        self._vital_counts: list[int] = []
        # By hour, how many laboratory values nobody had looked at for a day, or ever: what a new suspicion asks for.
        self._unusual: list[int] = []
        self._new: list[int] = []
        self._shock: list[float] = []
        self._totals: tuple[list[float], ...] = ([], [], [])  # of SIRS, SOFA and NEWS2, hour by hour
        self._lab_total = self._panels = self._fever = self._fast = self._low = 0
        self._lab_at = self._panel_at = math.nan

    def advance(self, hour: Hour) -> list[float]:
        """The features of this hour, which comes after all that were given before."""
        now = self._hours
        self._hours += 1
        self._take(now, hour)
        return self._features(now, hour, {})

    def preview(self, hour: Hour, shown: Shown) -> list[float]:
        """What `advance` would give; the stay remains as it is. What serving does with the hour that is not over.

        `shown` keeps what a variable came to until its value in this hour is another one.
        """
        twin = self._twin()
        measured = {name for name, value in zip(MEASURED, hour, strict=False) if value == value}
        twin._known = {
            name: state.copy() if name in measured else state for name, state in self._known.items()
        }
        twin._labs = [twin._known[name] for name in LABS]
        twin._take(self._hours, hour)
        return twin._features(self._hours, hour, shown)

    def copy(self) -> Stay:
        """The same, to go on from on its own."""
        twin = self._twin()
        twin._known = {name: state.copy() for name, state in self._known.items()}
        twin._labs = [twin._known[name] for name in LABS]
        return twin

    def _twin(self) -> Stay:
        twin = Stay.__new__(Stay)
        twin.__dict__.update(self.__dict__)
        twin._totals = tuple(list(totals) for totals in self._totals)
        return twin

    def _take(self, now: int, hour: Hour) -> None:
        vitals = labs = unusual = new = 0
        for place, (name, state) in enumerate(self._known.items()):
            value = hour[place]
            if value == value and (value := _plausible(name, value)) == value:
                if isinstance(state, Vital):
                    vitals += 1
                else:
                    labs += 1
                    unusual += state.unusual(now)
                    new += not state.count
                state.take(now, value)
        self._count(now, vitals, labs)
        self._unusual = [*self._unusual[1 - _RECENT :], unusual]
        self._new = [*self._new[1 - _RECENT :], new]

    def _features(self, now: int, hour: Hour, shown: Shown) -> list[float]:
        found: list[float] = []
        for place, state in enumerate(self._known.values()):
            value, known = shown.get(place, _NOT_SHOWN)
            if not known or (value != hour[place] and (value == value or hour[place] == hour[place])):
                known = state.features(now)
                shown[place] = hour[place], known
            found += known
        found += self._person(hour)
        found += self._ratios()
        criteria = self._criteria()
        found += criteria
        found += self._measuring(now)
        found += self._course(now, hour[-1])
        found += self._longer(now, hour)
        found += [sum(counts[-window:]) for counts in (self._unusual, self._new) for window in WINDOWS]
        for totals, place in zip(self._totals, (_SIRS, _SOFA, _NEWS), strict=True):
            totals.append(criteria[place])
            del totals[:-_RECENT]
            found += _moved(totals)
        return found

    def _count(self, now: int, vitals: int, labs: int) -> None:
        self._lab_counts = [*self._lab_counts[1 - _RECENT :], labs]
        self._vital_counts = [*self._vital_counts[1 - _RECENT :], vitals]
        self._lab_total += labs
        if labs:
            self._lab_at = now
        if labs >= _PANEL:
            self._panel_at = now
            self._panels += 1
        self._fever += self._now(now, "Temp") > 38
        self._fast += self._now(now, "HR") > 100
        self._low += self._now(now, "MAP") < 65

    def _now(self, now: int, name: str) -> float:
        """The value measured in this hour; NaN, which is neither above nor below, where there is none."""
        state = self._known[name]
        return state.last if state.at == now else math.nan

    def _last(self, *names: str) -> list[float]:
        return [self._known[name].last for name in names]

    def _person(self, hour: Hour) -> list[float]:
        age, gender, medical, surgical, admitted, icu_hours = hour[len(MEASURED) :]
        return [icu_hours, admitted, age, gender, medical + 2 * surgical]

    def _ratios(self) -> list[float]:
        pulse, systolic, mean, diastolic = self._last("HR", "SBP", "MAP", "DBP")
        bun, creatinine, saturation, arterial, oxygen = self._last(
            "BUN", "Creatinine", "O2Sat", "SaO2", "FiO2"
        )
        shock = pulse / systolic
        self._shock = [*self._shock[1 - _SHOCK_HOURS :], shock]
        known = [value for value in self._shock if value == value]
        return [
            shock,
            max(known) if known else math.nan,
            systolic - diastolic,
            pulse / mean,
            bun / creatinine,
            saturation / oxygen,
            arterial / (oxygen if oxygen == oxygen else 0.21),
        ]

    def _criteria(self) -> list[float]:
        pulse, temperature, systolic, mean, breathing, carbon = self._last(
            "HR", "Temp", "SBP", "MAP", "Resp", "PaCO2"
        )
        white, platelets, bilirubin, creatinine = self._last(
            "WBC", "Platelets", "Bilirubin_total", "Creatinine"
        )
        saturation, oxygen = self._last("O2Sat", "FiO2")
        sirs = [
            float(temperature > 38 or temperature < 36),
            float(pulse > 90),
            float(breathing > 20 or carbon < 32),
            float(white > 12 or white < 4),
        ]
        ratio = saturation / (oxygen if oxygen == oxygen else 0.21)
        sofa = [
            _below(platelets, (150, 100, 50, 20)),
            _from(bilirubin, (1.2, 2, 6, 12)),
            _from(creatinine, (1.2, 2, 3.5, 5)),
            _below(mean, (70,)),
            # SpO2/FiO2 in the place of PaO2/FiO2: Rice TW et al., Chest 2007;132(2):410-417.
            _below(ratio, (512, 357, 214, 89)),
        ]
        total = sum(points for points in sofa if points == points)
        shock = [float(systolic <= 100), float(breathing >= 22)]
        return [*sirs, sum(sirs), *shock, *sofa, total, self._news()]

    def _news(self) -> float:
        """The points of NEWS2 that the vital signs give; one that was never measured gives none."""
        total = 0.0
        for name, (limits, points) in _NEWS2.items():
            value = self._known[name].last
            if value == value:
                total += points[bisect_left(limits, value)]
        return total

    def _measuring(self, now: int) -> list[float]:
        labs, vitals = self._lab_counts, self._vital_counts
        return [
            labs[-1],
            sum(labs[-6:]),
            sum(labs[-12:]),
            sum(labs),
            self._lab_total,
            vitals[-1],
            sum(vitals[-6:]),
            sum(vitals),
            sum(state.count > 0 for state in self._labs),
            now - self._lab_at,
            now - self._panel_at,
            self._panels,
        ]

    def _course(self, now: int, icu_hours: float) -> list[float]:
        pulse, temperature, breathing, saturation = self._last("HR", "Temp", "Resp", "O2Sat")
        hematocrit, haemoglobin, chloride, bicarbonate = self._last("Hct", "Hgb", "Chloride", "HCO3")
        return [
            pulse - 10 * (temperature - 37),
            breathing / saturation,
            hematocrit / haemoglobin,
            chloride + bicarbonate,
            self._fever,
            self._fast,
            self._low,
            self._lab_total / (now + 1),
            self._known["Temp"].count / (now + 1),
            icu_hours - now,
        ]

    def _longer(self, now: int, hour: Hour) -> list[float]:
        ages = [now - state.at for state in self._labs]
        return [hour[-1] - hour[-2], sum(age < 6 for age in ages), sum(age < _RECENT for age in ages)]


def _moved(totals: list[float]) -> list[float]:
    """How a score of the last 24 hours, the newest last, has moved."""
    newest = totals[-1]
    before = newest - totals[-7] if len(totals) > 6 else math.nan
    recent = totals[-6:]
    return [
        before,
        newest - min(totals),
        sum(totals) / len(totals),
        max(totals),
        sum(recent) / len(recent),
    ]


def _below(value: float, limits: tuple[float, ...]) -> float:
    return float(sum(value < limit for limit in limits)) if value == value else math.nan


def _from(value: float, limits: tuple[float, ...]) -> float:
    return float(sum(value >= limit for limit in limits)) if value == value else math.nan
