"""Adverse event reports as FAERS has them, drawn from a small excerpt of openFDA (README.md beside this file).

Some reports come again with a higher version and one more reaction, as follow-ups do. On demand a share is broken, and a
share comes a second time, perhaps after its follow-up.
"""

from __future__ import annotations

import copy
import json
from collections import deque
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from local.generate.event import Event

_EXCERPT: Final = Path(__file__).with_name("openfda.json")
_REMEMBERED: Final = 1_000
FOLLOW_UPS: Final = 0.1
_OTHER_CASE: Final = 0.4
_OTHER_DRUG: Final = 0.2
_AGE_SPREAD_YEARS: Final = 5
_EXPEDITED_DAYS: Final = 15
_HEADER: Final = (
    "serious", "seriousnessdeath", "seriousnesslifethreatening", "seriousnesshospitalization", "seriousnessdisabling",
    "seriousnessother", "reporttype", "fulfillexpeditecriteria", "occurcountry",
)  # fmt: skip

Report = dict[str, Any]


class SafetyReports:
    """An endless, seeded run of reports; on the same day the same seed gives the same reports."""

    def __init__(
        self, seed: int, today: Callable[[], date], *, broken: float = 0.0, repeated: float = 0.0
    ) -> None:
        self._seed = seed
        self._today = today
        self._broken = broken
        self._repeated = repeated
        self._random = Random(seed)
        self._cases: list[Report] = json.loads(_EXCERPT.read_text("utf-8"))
        self._drugs = [drug for case in self._cases for drug in case["drug"]]
        self._newest: deque[Report] = deque(maxlen=_REMEMBERED)
        self._sent: deque[Event] = deque(maxlen=_REMEMBERED)
        self._made = 0

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        random = self._random
        if self._sent and random.random() < self._repeated:
            return random.choice(self._sent)
        report = self._follow_up() if self._newest and random.random() < FOLLOW_UPS else self._new()
        body = json.dumps(report, ensure_ascii=False).encode()
        if random.random() < self._broken:
            return Event(self._break(report, body), report["safetyreportid"])
        event = Event(body, report["safetyreportid"])
        self._sent.append(event)
        return event

    def _new(self) -> Report:
        random = self._random
        person = random.choice(self._cases)
        case = random.choice(self._cases) if random.random() < _OTHER_CASE else person
        self._made += 1
        report: Report = {"safetyreportid": f"G{self._seed:08x}-{self._made:08d}", "safetyreportversion": "1"}
        report |= {name: person[name] for name in _HEADER if name in person}
        report |= self._dates()
        report["primarysource"] = {"qualification": person["qualification"]}
        patient = dict(person["patient"])
        if patient.get("patientonsetageunit") == "801":
            years = float(patient["patientonsetage"]) + random.randint(-_AGE_SPREAD_YEARS, _AGE_SPREAD_YEARS)
            patient["patientonsetage"] = str(max(0, round(years)))
        patient["reaction"] = copy.deepcopy(case["reaction"])
        patient["drug"] = [
            dict(random.choice(self._drugs) if random.random() < _OTHER_DRUG else drug)
            for drug in case["drug"]
        ]
        report["patient"] = patient
        self._newest.append(report)
        return report

    def _follow_up(self) -> Report:
        random = self._random
        at = random.randrange(len(self._newest))
        report = copy.deepcopy(self._newest[at])
        report["safetyreportversion"] = str(int(report["safetyreportversion"]) + 1)
        report |= self._dates()
        report["patient"]["reaction"].append(dict(random.choice(random.choice(self._cases)["reaction"])))
        self._newest[at] = report
        return report

    def _dates(self) -> dict[str, str]:
        sent = self._today()
        received = sent - timedelta(days=self._random.randint(0, _EXPEDITED_DAYS))
        days = {"receivedate": received, "receiptdate": received, "transmissiondate": sent}
        return {
            key: value
            for name, day in days.items()
            for key, value in ((name, f"{day:%Y%m%d}"), (f"{name}format", "102"))
        }

    def _break(self, report: Report, body: bytes) -> bytes:
        """A fault of the transport or of the sender, each of them one that the platform has to notice."""
        bad = copy.deepcopy(report)
        match self._random.randrange(5):
            case 0:
                return body[: len(body) // 2]
            case 1:
                del bad["safetyreportid"]
            case 2:
                bad["patient"]["patientsex"] = "9"
            case 3:
                bad["patient"]["patientinitial"] = "XX"
            case _:
                bad["transmissiondate"] = f"{self._today() + timedelta(days=400):%Y%m%d}"
        return json.dumps(bad, ensure_ascii=False).encode()
