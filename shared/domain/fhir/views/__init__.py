"""Tables as SQL-on-FHIR ViewDefinitions: `View(definition).rows(resource)`. https://sql-on-fhir.org/ig/2.0.0/"""

from shared.domain.fhir.views.errors import ViewError
from shared.domain.fhir.views.kinds import Kind, kind_of
from shared.domain.fhir.views.model import Column, Path, Select, Unnest, ViewDefinition
from shared.domain.fhir.views.reader import read_view
from shared.domain.fhir.views.rows import Row, View

__all__ = [
    "Column",
    "Kind",
    "Path",
    "Row",
    "Select",
    "Unnest",
    "View",
    "ViewDefinition",
    "ViewError",
    "kind_of",
    "read_view",
]
