"""The tables of Synthea's CSV export, column for column, as the public exports have them.

https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary; seen in the exports of OHDSI/dbt-synthea. All
columns are texts in bronze: they stand as they came.
"""

from __future__ import annotations

from typing import Final

from shared.names import Zone
from spark.schemas.bronze import DAY
from spark.schemas.columns import Classification, Column, Derived

_HEADERS: Final = {
    "allergies": (
        "START STOP PATIENT ENCOUNTER CODE SYSTEM DESCRIPTION TYPE CATEGORY REACTION1 DESCRIPTION1 "
        "SEVERITY1 REACTION2 DESCRIPTION2 SEVERITY2"
    ),
    "careplans": "Id START STOP PATIENT ENCOUNTER CODE DESCRIPTION REASONCODE REASONDESCRIPTION",
    "claims": (
        "Id PATIENTID PROVIDERID PRIMARYPATIENTINSURANCEID SECONDARYPATIENTINSURANCEID DEPARTMENTID "
        "PATIENTDEPARTMENTID DIAGNOSIS1 DIAGNOSIS2 DIAGNOSIS3 DIAGNOSIS4 DIAGNOSIS5 DIAGNOSIS6 "
        "DIAGNOSIS7 DIAGNOSIS8 REFERRINGPROVIDERID APPOINTMENTID CURRENTILLNESSDATE SERVICEDATE "
        "SUPERVISINGPROVIDERID STATUS1 STATUS2 STATUSP OUTSTANDING1 OUTSTANDING2 OUTSTANDINGP "
        "LASTBILLEDDATE1 LASTBILLEDDATE2 LASTBILLEDDATEP HEALTHCARECLAIMTYPEID1 "
        "HEALTHCARECLAIMTYPEID2"
    ),
    "claims_transactions": (
        "ID CLAIMID CHARGEID PATIENTID TYPE AMOUNT METHOD FROMDATE TODATE PLACEOFSERVICE "
        "PROCEDURECODE MODIFIER1 MODIFIER2 DIAGNOSISREF1 DIAGNOSISREF2 DIAGNOSISREF3 DIAGNOSISREF4 "
        "UNITS DEPARTMENTID NOTES UNITAMOUNT TRANSFEROUTID TRANSFERTYPE PAYMENTS ADJUSTMENTS "
        "TRANSFERS OUTSTANDING APPOINTMENTID LINENOTE PATIENTINSURANCEID FEESCHEDULEID PROVIDERID "
        "SUPERVISINGPROVIDERID"
    ),
    "conditions": "START STOP PATIENT ENCOUNTER CODE DESCRIPTION",
    "devices": "START STOP PATIENT ENCOUNTER CODE DESCRIPTION UDI",
    "encounters": (
        "Id START STOP PATIENT ORGANIZATION PROVIDER PAYER ENCOUNTERCLASS CODE DESCRIPTION "
        "BASE_ENCOUNTER_COST TOTAL_CLAIM_COST PAYER_COVERAGE REASONCODE REASONDESCRIPTION"
    ),
    "imaging_studies": (
        "Id DATE PATIENT ENCOUNTER SERIES_UID BODYSITE_CODE BODYSITE_DESCRIPTION MODALITY_CODE "
        "MODALITY_DESCRIPTION INSTANCE_UID SOP_CODE SOP_DESCRIPTION PROCEDURE_CODE"
    ),
    "immunizations": "DATE PATIENT ENCOUNTER CODE DESCRIPTION BASE_COST",
    "medications": (
        "START STOP PATIENT PAYER ENCOUNTER CODE DESCRIPTION BASE_COST PAYER_COVERAGE DISPENSES "
        "TOTALCOST REASONCODE REASONDESCRIPTION"
    ),
    "observations": "DATE PATIENT ENCOUNTER CATEGORY CODE DESCRIPTION VALUE UNITS TYPE",
    "organizations": "Id NAME ADDRESS CITY STATE ZIP LAT LON PHONE REVENUE UTILIZATION",
    "patients": (
        "Id BIRTHDATE DEATHDATE SSN DRIVERS PASSPORT PREFIX FIRST LAST SUFFIX MAIDEN MARITAL RACE "
        "ETHNICITY GENDER BIRTHPLACE ADDRESS CITY STATE COUNTY ZIP LAT LON HEALTHCARE_EXPENSES "
        "HEALTHCARE_COVERAGE"
    ),
    "payer_transitions": ("PATIENT MEMBERID START_YEAR END_YEAR PAYER SECONDARY_PAYER OWNERSHIP OWNERNAME"),
    "payers": (
        "Id NAME ADDRESS CITY STATE_HEADQUARTERED ZIP PHONE AMOUNT_COVERED AMOUNT_UNCOVERED REVENUE "
        "COVERED_ENCOUNTERS UNCOVERED_ENCOUNTERS COVERED_MEDICATIONS UNCOVERED_MEDICATIONS "
        "COVERED_PROCEDURES UNCOVERED_PROCEDURES COVERED_IMMUNIZATIONS UNCOVERED_IMMUNIZATIONS "
        "UNIQUE_CUSTOMERS QOLS_AVG MEMBER_MONTHS"
    ),
    "procedures": "START STOP PATIENT ENCOUNTER CODE DESCRIPTION BASE_COST REASONCODE REASONDESCRIPTION",
    "providers": "Id ORGANIZATION NAME GENDER SPECIALITY ADDRESS CITY STATE ZIP LAT LON UTILIZATION",
    "supplies": "DATE PATIENT ENCOUNTER CODE DESCRIPTION QUANTITY",
}
COLUMNS: Final = {name: tuple(header.split()) for name, header in _HEADERS.items()}
"""By table, which is the name of its files: the columns in the order of the header."""
_OWN: Final = (
    Column("raw_path", "STRING", "The file it came in", Classification.INTERNAL),
    Column(
        DAY, "DATE", "The day on which the file was written, in UTC: the partition", Classification.INTERNAL
    ),
)


def _declared(name: str, columns: tuple[str, ...]) -> Derived:
    sent = (
        Column(column, "STRING", f"The column {column}, as it came", Classification.HIGHLY_CONFIDENTIAL)
        for column in columns
    )
    key = next(
        (each for each in columns if each.upper() == "ID"), "PATIENT" if "PATIENT" in columns else columns[0]
    )
    path = f"{Zone.BRONZE}/synthea-csv/{name.replace('_', '-')}"
    return Derived(
        name, path, f"The table {name} of Synthea's CSV export, as it came", (key,), (*sent, *_OWN)
    )


DECLARED: Final = {name: _declared(name, columns) for name, columns in COLUMNS.items()}
"""By the same name: the bronze table. The key is what its rows are looked up by."""
