"""Runs compiled queries: candidates from the index, the rest of the filter, order, pages."""

from __future__ import annotations

import base64
import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import attrgetter
from typing import Any

from . import json_text
from .errors import bad_request
from .index import IndexSpec
from .model import Container, Item
from .reach import Reach
from .sql.compile import EVERYTHING, ITEM_SLOT, PARAMETERS_SLOT
from .sql.evaluators import Evaluator, Frame
from .sql.plan import Comparison
from .sql.queries import CompiledQuery, Condition, Ordering, conjunction
from .sql.values import UNDEFINED, sort_key
from .store import Store

PAGE_BYTES_MAX = 4 << 20
_SPECS_MAX = 48
# Below this many items looking at each costs less than an index.
_SCAN_ITEMS_MAX = 64
_BY_ROW = attrgetter("row")


class Execution:
    """One query over one part of a container, for one page."""

    def __init__(
        self,
        store: Store,
        container: Container,
        query: CompiledQuery,
        reach: Reach,
        parameters: dict[str, Any],
        *,
        merged: bool = False,
    ) -> None:
        self._store = store
        self._container = container
        self._query = query
        self._reach = reach
        self._frame: Frame = [UNDEFINED] * query.slots
        self._frame[PARAMETERS_SLOT] = parameters
        self._parameters = parameters
        self._merged = merged
        # How many items were looked at: all within reach but where an index found them.
        self.examined = 0
        self._check_order()
        before_page = (
            query.touched_by_projection
            if query.grouped or query.distinct or not query.simple
            else query.touched
        )
        self._whole = EVERYTHING in before_page or not before_page.isdisjoint(container.aside)

    def _check_order(self) -> None:
        order = self._query.order
        paths = [(part.path, part.descending) for part in order if part.path is not None]
        policy = self._container.policy
        if len(order) > 1 and not policy.serves([(path, descending) for path, descending in paths]):
            raise bad_request(
                "The order by query does not have a corresponding composite index that it can be served from."
            )
        if len(order) == 1 and paths and not policy.covers(paths[0][0]):
            raise bad_request("The index path corresponding to the specified order-by item is excluded.")

    def page(self, size: int, token: str | None) -> tuple[list[bytes], str | None]:
        """Returns the texts of a page's rows, and the token of the next page where there is one."""
        state = _read_token(token)
        query = self._query
        if query.simple and not query.grouped and not query.distinct:
            return self._page_of_items(size, state)
        return self._page_of_values(size, state)

    def _limits(self) -> tuple[int, int | None]:
        query, frame = self._query, self._frame
        offset = _whole_number(query.offset(frame), "OFFSET") if query.offset else 0
        bounds = [
            _whole_number(bound(frame), name)
            for bound, name in ((query.top, "TOP"), (query.limit, "LIMIT"))
            if bound is not None
        ]
        return offset, min(bounds) if bounds else None

    def _page_of_items(self, size: int, state: dict[str, Any]) -> tuple[list[bytes], str | None]:
        offset, bound = self._limits()
        emitted = int(state.get("n", 0))
        rows: list[bytes] = []
        total = 0
        last: Item | None = None
        items = self._in_order(self._matching(), state.get("k"))
        for item in items if "k" in state else islice(items, offset, None):
            if bound is not None and emitted >= bound:
                break
            if last is not None and (len(rows) == size or total > PAGE_BYTES_MAX):
                return rows, _write_token({"k": self._position(last), "n": emitted})
            emitted += 1
            last = item
            row = self._row(item)
            if row is not None:
                rows.append(row)
                total += len(row)
        return rows, None

    def _page_of_values(self, size: int, state: dict[str, Any]) -> tuple[list[bytes], str | None]:
        query = self._query
        if query.counts_only and query.simple:
            count = self._exact_count()
            return [b"%d" % (len(self._matching()) if count is None else count)], None
        offset, bound = self._limits()
        values = list(self._values())
        start = offset + int(state.get("o", 0))
        end = len(values) if bound is None else min(len(values), offset + bound)
        rows: list[bytes] = []
        total = 0
        for at in range(start, end):
            if len(rows) == size or total > PAGE_BYTES_MAX:
                return rows, _write_token({"o": at - offset})
            rows.append(json_text.dump(values[at]))
            total += len(rows[-1])
        return rows, None

    def _values(self) -> Iterator[Any]:
        """Yields what a grouping, joining or distinct query selects, in its order."""
        query, frame = self._query, self._frame
        if query.grouped:
            found = False
            for value in query.grouped_values(frame, self._all_matches()):
                found = True
                yield value
            if self._merged and not found and query.group is None:
                yield None
            return
        produced: list[tuple[list[Any], Any]] = []
        seen: set[Any] = set()
        for _ in self._all_matches():
            value = query.project(frame)
            if value is UNDEFINED:
                continue
            if query.distinct:
                key = sort_key(value)
                if key in seen:
                    continue
                seen.add(key)
            produced.append(([sort_key(part.evaluate(frame)) for part in query.order], value))
        for at in reversed(range(len(query.order))):
            produced.sort(key=lambda entry: entry[0][at], reverse=query.order[at].descending)
        yield from (value for _, value in produced)

    def _all_matches(self) -> Iterator[None]:
        query, frame = self._query, self._frame
        if not query.has_sources:
            yield from query.matches(frame)
        elif query.simple:
            for item in sorted(self._matching(), key=_BY_ROW):
                frame[ITEM_SLOT] = self._document(item)
                yield
        else:
            found = self._indexed()
            for item in sorted(found[0] if found else self._reach.items(), key=_BY_ROW):
                if found is None or self._reach.holds(item):
                    frame[ITEM_SLOT] = self._document(item)
                    yield from query.matches(frame)

    def _document(self, item: Item) -> dict[str, Any]:
        if self._whole:
            return self._store.full_document(item)
        return item.doc or self._store.document(item)

    def _matching(self) -> list[Item]:
        """Returns the items for which WHERE is true, in no order."""
        found = self._indexed()
        items: Iterable[Item]
        if found is None:
            items, conditions = self._reach.items(), self._query.conditions
        else:
            items, conditions = found
            if self._reach.partition is not None or self._reach.partitions is not None:
                items = filter(self._reach.holds, items)
        slow: list[Evaluator] = []
        items = list(items)
        self.examined += len(items)
        for condition in conditions:
            narrowed = self._narrowed(items, condition.comparison)
            if narrowed is None:
                slow.append(condition.evaluate)
            else:
                items = narrowed
        where = conjunction(slow)
        if where is None:
            return list(items)
        frame, document = self._frame, self._document
        matching: list[Item] = []
        for item in items:
            frame[ITEM_SLOT] = document(item)
            if where(frame) is True:
                matching.append(item)
        return matching

    def _narrowed(self, items: Iterable[Item], comparison: Comparison | None) -> list[Item] | None:
        """Returns the items for which a comparison with a text is true, None where it is no such one."""
        if comparison is None or self._whole:
            return None
        wanted = comparison.operand(self._parameters)
        if wanted.__class__ is not str:
            return None
        compare, document = comparison.compare, self._store.document
        matching: list[Item] = []
        for item in items:
            value: Any = item.doc or document(item)
            try:
                for name in comparison.path:
                    value = value[name]
            except (KeyError, TypeError):
                continue
            if value.__class__ is str and compare(value, wanted):
                matching.append(item)
        return matching

    def _exact_count(self) -> int | None:
        """Returns a count where the index alone knows it."""
        found = self._indexed()
        whole_groups = self._reach.partition is None and self._reach.partitions is None
        if found is None:
            return None if self._query.conditions else self._reach.size()
        return len(found[0]) if whole_groups and not found[1] else None

    def _indexed(self) -> tuple[set[Item], list[Condition]] | None:
        """Returns what the index finds and the conditions left to test, None where a scan is as good."""
        query = self._query
        if query.root is None or self._reach.size() <= _SCAN_ITEMS_MAX:
            return None
        known = {
            condition: condition.node
            for condition in query.conditions
            if condition.node is not None and all(self._usable(spec) for spec in condition.node.specs())
        }
        result: set[Item] = set()
        answered = set(known)
        for group in self._reach.groups:
            sets: list[set[Item]] = []
            for condition, node in known.items():
                found = node.find(self._parameters, group.postings.get)
                if found is None:
                    answered.discard(condition)
                else:
                    sets.append(found)
            if not sets:
                return None
            sets.sort(key=len)
            common = sets[0].intersection(*sets[1:]) if len(sets) > 1 else sets[0]
            result = common if len(self._reach.groups) == 1 else result | common
        return result, [condition for condition in query.conditions if condition not in answered]

    def _usable(self, spec: IndexSpec) -> bool:
        container = self._container
        if spec in container.ready:
            return True
        if spec.path[0] in container.aside or not container.indexes(spec):
            return False
        if spec not in container.specs and len(container.specs) >= _SPECS_MAX:
            return False
        self._store.build_index(container, spec)
        return True

    def _in_order(self, items: list[Item], after: list[Any] | None) -> Iterator[Item]:
        """Yields the items in the query's order, from behind a position if one is given.

        All are sorted by the first part only; ties are put in order when their turn comes.
        """
        order = self._query.order
        if after is not None and len(after) != len(order) + 1:
            raise bad_request("The continuation token belongs to another query.")
        if not order:
            items.sort(key=_BY_ROW)
            yield from items[bisect_right(items, after[0], key=_BY_ROW) if after else 0 :]
            return
        first = order[0]
        keys = self._keys(items, first)
        places = sorted(range(len(items)), key=keys.__getitem__, reverse=first.descending)
        at = 0
        if after is not None:
            wanted = tuple(after[0])
            at = self._first_behind([keys[place] for place in places], wanted, first.descending)
        while at < len(places):
            end = at + 1
            while end < len(places) and keys[places[end]] == keys[places[at]]:
                end += 1
            tied = [items[place] for place in places[at:end]]
            at = end
            for item in self._untied(tied):
                if after is None or self._is_behind(item, after):
                    yield item

    def _keys(self, items: list[Item], part: Ordering) -> list[Any]:
        """Returns a sortable key for each item: the values themselves where they are all texts."""
        if part.path == ("id",):
            return [item.id for item in items]
        frame, document, evaluate = self._frame, self._document, part.evaluate
        keys: list[Any] = []
        for item in items:
            frame[ITEM_SLOT] = document(item)
            keys.append(evaluate(frame))
        return keys if set(map(type, keys)) <= {str} else list(map(sort_key, keys))

    @staticmethod
    def _first_behind(keys: list[Any], wanted: tuple[int, Any], descending: bool) -> int:
        """Returns where keys equal to or behind the wanted one begin."""
        low, high = 0, len(keys)
        while low < high:
            middle = (low + high) // 2
            key = keys[middle] if isinstance(keys[middle], tuple) else sort_key(keys[middle])
            if (key > wanted) if descending else (key < wanted):
                low = middle + 1
            else:
                high = middle
        return low

    def _untied(self, items: list[Item]) -> list[Item]:
        if len(items) > 1:
            items.sort(key=_BY_ROW)
            for part in reversed(self._query.order[1:]):
                keys = self._keys(items, part)
                places = sorted(range(len(items)), key=keys.__getitem__, reverse=part.descending)
                items = [items[place] for place in places]
        return items

    def _position(self, item: Item) -> list[Any]:
        """Returns where an item stands in the order, for the token of the next page."""
        if not self._query.order:
            return [item.row]
        self._frame[ITEM_SLOT] = self._document(item)
        return [*(list(sort_key(part.evaluate(self._frame))) for part in self._query.order), item.row]

    def _is_behind(self, item: Item, position: list[Any]) -> bool:
        self._frame[ITEM_SLOT] = self._document(item)
        for part, wanted in zip(self._query.order, position, strict=False):
            here, there = sort_key(part.evaluate(self._frame)), tuple(wanted)
            if here != there:
                return bool((here < there) if part.descending else (here > there))
        return bool(item.row > position[-1])

    def _row(self, item: Item) -> bytes | None:
        query, store = self._query, self._store
        if query.whole:
            return store.raw(item)
        frame = self._frame
        document = item.doc or store.document(item)
        touched = query.touched_by_projection
        if item.rough and query.plain_paths:
            frame[ITEM_SLOT] = json_text.parse_keeping_digits(store.raw(item))
            return json_text.dump_keeping_digits(query.project(frame))
        if EVERYTHING in touched or not touched.isdisjoint(self._container.aside):
            document = store.full_document(item)
        frame[ITEM_SLOT] = document
        value = query.project(frame)
        return None if value is UNDEFINED else json_text.dump(value)


def _whole_number(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise bad_request(f"The {name} value must be a whole number of at least 0.")
    return value


def _read_token(token: str | None) -> dict[str, Any]:
    if not token:
        return {}
    try:
        state = json.loads(base64.b64decode(token, validate=True))
    except ValueError:
        raise bad_request("The continuation token is invalid.") from None
    if not isinstance(state, dict):
        raise bad_request("The continuation token is invalid.")
    return state


def _write_token(state: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(state, separators=(",", ":")).encode()).decode()
