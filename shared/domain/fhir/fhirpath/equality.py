"""`=`, `~` and what distinguishes items. http://hl7.org/fhirpath/N1/#equality"""

from __future__ import annotations

from collections.abc import Hashable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final

from shared.domain.fhir.fhirpath import quantity, temporal
from shared.domain.fhir.fhirpath.element import Element, Items, TypeInfo, decimal, system_value
from shared.domain.fhir.fhirpath.errors import FhirPathLimitError
from shared.domain.fhir.fhirpath.quantity import Quantity
from shared.domain.fhir.fhirpath.temporal import Date, DateTime, Time

_TEMPORAL: Final = (Date, DateTime, Time)
_MOST_STEPS: Final = 200_000


def equal(left: Items, right: Items) -> bool | None:
    """Whether both have equal items in the same order; None where either is empty or an item leaves it open."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    result: bool | None = True
    for one, other in zip(left, right, strict=True):
        same = equal_items(one, other)
        if same is False:
            return False
        if same is None:
            result = None
    return result


def equal_items(left: Any, right: Any) -> bool | None:
    """Whether two items are equal; None where precision, zones or units leave it open."""
    one, other = pair(left, right)
    kind = type(one)
    if kind is type(other) and (kind is str or kind is bool or kind is int):
        return bool(one == other)
    if isinstance(one, _TEMPORAL) and isinstance(other, _TEMPORAL):
        return _equal_moments(one, other)
    if isinstance(one, Quantity) or isinstance(other, Quantity):
        return _equal_quantities(one, other)
    return key(left) == key(right)


def pair(left: Any, right: Any) -> tuple[Any, Any]:
    """Both as own values; text of an element whose type is not known is read as a date where the other is one."""
    one, other = system_value(left), system_value(right)
    if isinstance(one, str) and isinstance(other, _TEMPORAL):
        one = _as_moment(left, one, other)
    elif isinstance(other, str) and isinstance(one, _TEMPORAL):
        other = _as_moment(right, other, one)
    return one, other


def _as_moment(item: Any, text: str, like: temporal.Temporal) -> Any:
    if type(item) is not Element or item.type:
        return text
    read = temporal.read_time if isinstance(like, Time) else temporal.read_date_time
    return read(text) or text


def _equal_moments(one: temporal.Temporal, other: temporal.Temporal) -> bool | None:
    if isinstance(one, Time) is not isinstance(other, Time):
        return False
    order = temporal.compare(one, other)
    return None if order is None else order == 0


def as_quantity(value: Any) -> Quantity | None:
    """`value` as a quantity: numbers are ones without unit."""
    if isinstance(value, Quantity):
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Quantity(Decimal(value), "1")
    return None


def _equal_quantities(left: Any, right: Any) -> bool | None:
    one, other = as_quantity(left), as_quantity(right)
    if one is None or other is None:
        return False
    values = quantity.in_same_unit(one, other)
    return None if values is None else values[0] == values[1]


def key(item: Any) -> Hashable:
    """The same for items that are equal, different for others: what makes `distinct()` linear."""
    value = system_value(item)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, int | Decimal):
        return ("number", value)
    if isinstance(value, Quantity):
        return ("quantity", quantity.key(value))
    if isinstance(value, DateTime):
        moment = temporal.in_utc(value)
        return (
            ("moment", moment.fields, moment.offset is None)
            if len(moment.fields) > 3
            else ("moment", moment.fields)
        )
    if isinstance(value, Date):
        return ("moment", value.fields)
    if isinstance(value, Time):
        return ("time", value.fields)
    if isinstance(value, TypeInfo):
        return ("type", value.namespace, value.name)
    if value is None:
        return ("nothing", _json_key(item.sibling))
    return _json_key(value.value) if type(value) is Element else _json_key(value)


def _json_key(value: Any) -> Hashable:
    if isinstance(value, dict):
        return (
            "object",
            frozenset((name, _json_key(part)) for name, part in value.items() if part is not None),
        )
    if isinstance(value, list):
        return ("array", tuple(_json_key(part) for part in value))
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, float):
        return ("number", decimal(value))
    return (
        ("number", value) if isinstance(value, int | Decimal) else value if isinstance(value, str) else None
    )


def equivalent(left: Items, right: Items) -> bool:
    """Whether both have equivalent items in any order; two empty collections are."""
    if len(left) != len(right):
        return False
    if len(left) == 1:
        return equivalent_items(left[0], right[0])
    open_items = list(right)
    steps = 0
    for one in left:
        place = next((index for index, other in enumerate(open_items) if equivalent_items(one, other)), None)
        if place is None:
            return False
        steps += place
        if steps > _MOST_STEPS:
            raise FhirPathLimitError(
                "Two large collections in different orders are compared for equivalence."
            )
        del open_items[place]
    return True


def equivalent_items(left: Any, right: Any) -> bool:
    """As `equal_items`, without regard to case, the kind of white space, digits that one number lacks, and `id`s."""
    one, other = pair(left, right)
    if isinstance(one, str) and isinstance(other, str):
        return _folded(one) == _folded(other)
    if isinstance(one, Quantity) or isinstance(other, Quantity):
        amounts = as_quantity(one), as_quantity(other)
        return None not in amounts and quantity.is_equivalent(*amounts)  # type: ignore[arg-type]
    if _is_number(one) and _is_number(other):
        return _equivalent_numbers(Decimal(one), Decimal(other))
    if isinstance(one, _TEMPORAL) and isinstance(other, _TEMPORAL):
        return _equal_moments(one, other) is True
    if type(one) is Element and type(other) is Element:
        return _equivalent_json(one.value, other.value)
    if one is None or other is None:
        return one is other
    return key(left) == key(right)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _folded(text: str) -> str:
    return "".join([" " if sign.isspace() else sign for sign in text.casefold()])


def _equivalent_numbers(one: Decimal, other: Decimal) -> bool:
    if not one.is_finite() or not other.is_finite():
        return one == other
    step = Decimal(1).scaleb(max(_exponent(one), _exponent(other)))
    try:
        return one.quantize(step, ROUND_HALF_UP) == other.quantize(step, ROUND_HALF_UP)
    except InvalidOperation:
        return one == other


def _exponent(number: Decimal) -> int:
    """Where the last digit stands; zeros at the end of a fraction do not count."""
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return min(exponent, 0)


def _equivalent_json(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        names = {name for name in (*one, *other) if name != "id" and not name.startswith("_")}
        return all(_equivalent_json(one.get(name), other.get(name)) for name in names)
    if isinstance(one, list) and isinstance(other, list):
        return equivalent([Element(part) for part in one], [Element(part) for part in other])
    if isinstance(one, dict | list) or isinstance(other, dict | list):
        return False
    return equivalent_items(Element(one), Element(other))
