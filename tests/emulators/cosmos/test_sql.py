"""The query language: a table of queries and what they select."""

from __future__ import annotations

import base64
import itertools
import json
import uuid
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, DatabaseProxy, PartitionKey
from azure.cosmos.exceptions import CosmosHttpResponseError

from .conftest import Emulator, select
from .raw import post

ROWS: list[dict[str, Any]] = [
    {
        "id": "1",
        "n": 1,
        "s": "Anna",
        "f": 1.5,
        "b": True,
        "nul": None,
        "a": [1, 2],
        "o": {"x": 1, "y": {"z": "d"}},
    },
    {
        "id": "2",
        "n": 2,
        "s": "bernd",
        "b": False,
        "a": ["x", "y"],
        "tags": [{"c": "A", "v": 1}, {"c": "B", "v": 2}],
    },
    {"id": "3", "n": 3, "s": "Carla_%", "nul": 0, "a": [], "tags": [{"c": "A", "v": 3}], "k": "x"},
    {"id": "4", "n": "4", "s": "", "o": {"x": "1"}, "k": "x"},
    {"id": "5", "s": None, "k": "y", "n": -5},
]

WHERE: list[tuple[str, str]] = [
    ("c.n = 1", "1"), ("c.n = '4'", "4"), ("c.n != 1", "2345"), ("c.n > 1", "23"), ("c.n >= '4'", "4"),
    ("c.n < 2", "15"), ("NOT c.n = 1", "2345"), ("c.missing = 1", ""), ("NOT c.missing = 1", ""),
    ("c.missing != 1", ""), ("c.nul = null", "1"), ("IS_NULL(c.nul)", "1"), ("c.nul != null", "3"),
    ("IS_DEFINED(c.nul)", "13"), ("NOT IS_DEFINED(c.nul)", "245"), ("c.missing = 1 OR c.n = 1", "1"),
    ("c.missing = 1 AND c.n = 1", ""), ("NOT (c.missing = 1 AND c.n = 2)", "1345"), ("c.b", "1"), ("NOT c.b", "2"),
    ("c.b = true", "1"), ("c.n IN (1, 3, '4')", "134"), ("c.n NOT IN (1, 3)", "245"), ("c.s IN ('Anna')", "1"),
    ("c.n BETWEEN 1 AND 2", "12"), ("c.n NOT BETWEEN 1 AND 2", "35"), ("c.s LIKE 'A%'", "1"),
    ("c.s LIKE '_e%'", "2"), ("c.s LIKE '%!%' ESCAPE '!'", "3"), ("c.s LIKE '%[_]%'", "3"), ("c.s NOT LIKE 'A%'", "234"),
    ("c.s LIKE '[z-a]%'", ""), ("c.s LIKE '[^z-a]%'", "123"), ("c.s LIKE '[^]%'", "123"), ("c.s LIKE '[a-c]%'", "2"),
    ("c.s LIKE '[^A-B]%'", "23"), ("c.s LIKE '%[%-]'", "3"), ("StringToNumber('1e400') = 1 OR c.n = 1", "1"),
    ("STARTSWITH(c.s, 'an')", ""), ("STARTSWITH(c.s, 'an', true)", "1"), ("ENDSWITH(c.s, 'rnd')", "2"),
    ("CONTAINS(c.s, 'AR', true)", "3"), ("StringEquals(c.s, 'ANNA', true)", "1"), ("LOWER(c.s) = 'anna'", "1"),
    ("UPPER(c.s) = 'BERND'", "2"), ("LENGTH(c.s) = 0", "4"), ("SUBSTRING(c.s, 1, 2) = 'nn'", "1"),
    ("CONCAT(c.s, '!') = 'Anna!'", "1"), ("c.s || '!' = 'Anna!'", "1"), ("INDEX_OF(c.s, 'r') = 2", "23"),
    ("LEFT(c.s, 2) = 'An'", "1"), ("RIGHT(c.s, 2) = 'nd'", "2"), ("REPLACE(c.s, 'n', 'm') = 'Amma'", "1"),
    ("RegexMatch(c.s, '^a', 'i')", "1"), ("ARRAY_CONTAINS(c.a, 1)", "1"), ("ARRAY_CONTAINS(c.a, true)", ""),
    ("ARRAY_CONTAINS(c.a, 'x')", "2"), ("ARRAY_CONTAINS(c.tags, {'c': 'A'})", ""),
    ("ARRAY_CONTAINS(c.tags, {'c': 'A'}, true)", "23"), ("ARRAY_LENGTH(c.a) = 0", "3"), ("c.a = [1, 2]", "1"),
    ("c.o = {'y': {'z': 'd'}, 'x': 1}", "1"), ("c.o.x = 1", "1"), ("c['o']['y'].z = 'd'", "1"), ("c.a[1] = 2", "1"),
    ("c.n + 1 = 3", "2"), ("c.n % 2 = 1", "13"), ("c.f * 2 = 3", "1"), ("-c.n = 5", "5"), ("c.n / 2 = 1", "2"),
    ("(c.n > 1 ? 'big' : 'small') = 'big'", "23"), ("(c.missing ?? 7) = 7", "12345"), ("ABS(c.n) = 5", "5"),
    ("EXISTS(SELECT VALUE t FROM t IN c.tags WHERE t.c = 'B')", "2"),
    ("EXISTS(SELECT VALUE t FROM t IN c.tags WHERE t.v > c.n)", ""),
    ("(SELECT VALUE COUNT(1) FROM t IN c.tags) = 2", "2"), ("ARRAY(SELECT VALUE t.v FROM t IN c.tags) = [3]", "3"),
    ("IS_STRING(c.n)", "4"), ("IS_NUMBER(c.n)", "1235"), ("IS_ARRAY(c.a) AND NOT IS_OBJECT(c.a)", "123"),
    ("c.id = '1' OR (c.k = 'x' AND c.n = 3)", "13"), ("true", "12345"), ("1", ""), ("c.s = 'A\\u006ena'", "1"),
    ('c.s = "Anna" -- a remark', "1"), ("c.n = @one", "1"), ("ARRAY_CONTAINS(@list, c.n)", "13"), ("c.n = @none", ""),
]  # fmt: skip

SELECT: list[tuple[str, Any]] = [
    ("SELECT VALUE c.s FROM c WHERE c.n = 1", ["Anna"]),
    ("SELECT c.n, c.o.x, c.missing FROM c WHERE c.id = '1'", [{"n": 1, "x": 1}]),
    ("SELECT c.n AS number, UPPER(c.s), c['k'] kind FROM c WHERE c.id = '3'", [{"number": 3, "$1": "CARLA_%", "kind": "x"}]),
    ("SELECT VALUE {'a': c.n, 'b': [c.s, c.missing]} FROM c WHERE c.n = 1", [{"a": 1, "b": ["Anna"]}]),
    ("SELECT VALUE c.missing FROM c", []),
    ("SELECT VALUE [StringToNumber('NaN'), StringToNumber('Infinity'), StringToNumber(' 60 ')]", [[60]]),
    ("SELECT VALUE [1e308 * 10, -1e308 * 10, POWER(10, 400), INTMUL(1e300, 1e300), StringToArray('[NaN]')]", [[]]),
    ("SELECT VALUE IS_INTEGER(1" + "0" * 300 + ")", [True]),
    ("SELECT VALUE x.id FROM (SELECT VALUE c FROM c) AS x ORDER BY x.n", ["5", "1", "2", "3", "4"]),
    ("SELECT VALUE x.i FROM (SELECT c.id AS i, c.n AS m FROM c) AS x ORDER BY x.m", ["5", "1", "2", "3", "4"]),
    ("SELECT c.id FROM c JOIN t IN c.tags ORDER BY c.n DESC", [{"id": "3"}, {"id": "2"}, {"id": "2"}]),
    ("SELECT TOP 2 VALUE c.id FROM c", ["1", "2"]),
    ("SELECT DISTINCT VALUE c.k FROM c", ["x", "y"]),
    ("SELECT DISTINCT c.k FROM c WHERE IS_DEFINED(c.k)", [{"k": "x"}, {"k": "y"}]),
    ("SELECT c.id, t.v FROM c JOIN t IN c.tags WHERE t.c = 'A'", [{"id": "2", "v": 1}, {"id": "3", "v": 3}]),
    ("SELECT VALUE t.v FROM t IN c.tags", [1, 2, 3]),
    ("SELECT VALUE o FROM c.o", [{"x": 1, "y": {"z": "d"}}, {"x": "1"}]),
    ("SELECT VALUE x FROM c JOIN (SELECT VALUE t.v FROM t IN c.tags WHERE t.v > 1) AS x", [2, 3]),
    ("SELECT VALUE COUNT(1) FROM c", [5]), ("SELECT VALUE COUNT(c.k) FROM c", [3]),
    ("SELECT VALUE SUM(c.n) FROM c WHERE IS_NUMBER(c.n)", [1]), ("SELECT VALUE AVG(c.n) FROM c WHERE c.n > 0", [2]),
    ("SELECT VALUE MIN(c.n) FROM c WHERE IS_NUMBER(c.n)", [-5]), ("SELECT VALUE MAX(c.n) FROM c", ["4"]),
    ("SELECT VALUE SUM(c.s) FROM c", []), ("SELECT VALUE MAX(c.missing) FROM c", []),
    ("SELECT COUNT(1) AS n, MAX(c.n) AS m FROM c WHERE c.k = 'x'", [{"n": 2, "m": "4"}]),
    ("SELECT c.k, COUNT(1) AS n FROM c WHERE IS_DEFINED(c.k) GROUP BY c.k", [{"k": "x", "n": 2}, {"k": "y", "n": 1}]),
    ("SELECT VALUE COUNT(1) FROM c JOIN t IN c.tags", [3]),
    ("SELECT VALUE c.id FROM c ORDER BY c.n", ["5", "1", "2", "3", "4"]),
    ("SELECT VALUE c.id FROM c WHERE IS_NUMBER(c.n) ORDER BY c.n DESC", ["3", "2", "1", "5"]),
    ("SELECT VALUE c.id FROM c ORDER BY c.id OFFSET 1 LIMIT 2", ["2", "3"]),
    ("SELECT VALUE c.id FROM c ORDER BY c.k ASC, c.id DESC", ["2", "1", "4", "3", "5"]),
    ("SELECT VALUE r.id FROM root r WHERE r.n = 1", ["1"]), ("SELECT VALUE 1", [1]),
    ("SELECT VALUE udf FROM c JOIN udf IN [1]", [1] * 5),
]  # fmt: skip

WRONG: list[tuple[str, str]] = [
    ("SELEC * FROM c", "SC1001"), ("SELECT * FROM c WHERE", "SC1001"), ("SELECT * FROM c WHERE c.n = ", "SC1001"),
    ("SELECT * FROM c WHERE c.n == 1", "SC1001"), ("SELECT c. FROM c", "SC1001"),
    ("SELECT c.value FROM c", "SC1001"), ("SELECT * FROM c LIMIT 1", "SC1001"),
    ("SELECT VALUE d.n FROM c", "SC2001"), ("SELECT * FROM c WHERE NOSUCH(c.n)", "SC2005"),
    ("SELECT * FROM c WHERE LOWER()", "SC2050"), ("SELECT * FROM c JOIN t IN c.tags", "SC2040"),
    ("SELECT c.id, COUNT(1) FROM c", "SC2102"), ("SELECT c.a, d.a FROM c JOIN d IN c.x", "SC2011"),
    ("SELECT VALUE 1e400", "SC1001"), ("SELECT * FROM c WHERE c.n > -1" + "0" * 400, "SC1001"),
    ("SELECT VALUE 1" + "0" * 5000, "SC1001"), ("SELECT VALUE 0x1" + "0" * 400, "SC1001"),
    ("SELECT VALUE c.id FROM c ORDER BY c.s || 'x'", "2206"), ("SELECT * FROM c ORDER BY LOWER(c.s)", "2206"),
    ("SELECT * FROM c ORDER BY 1", "2206"), ("SELECT * FROM c ORDER BY c.n + 1 DESC", "2206"),
    ("SELECT VALUE x FROM (SELECT c.n * 2 AS m FROM c) AS x ORDER BY x.m", "2206"),
    ("SELECT VALUE x FROM (SELECT VALUE c FROM c ORDER BY c.id) AS x", "SC2202"),
    ("SELECT * FROM c WHERE EXISTS(SELECT TOP 1 VALUE t FROM t IN c.a)", "SC2203"),
    ("SELECT VALUE ARRAY(SELECT VALUE t FROM t IN c.a OFFSET 1 LIMIT 1) FROM c", "SC2204"),
    ("SELECT VALUE DOCUMENTID(c.n) FROM c", "SC2050"), ("SELECT VALUE DOCUMENTID(t) FROM t IN c.tags", "SC2050"),
    ("SELECT * FROM c WHERE c.n = 'x", "SC1001"), ("SELECT * FROM c WHERE " + "(" * 5000, "SC1001"),
]  # fmt: skip


@pytest.fixture(scope="module")
def table(database: DatabaseProxy) -> ContainerProxy:
    policy = {
        "indexingMode": "consistent",
        "includedPaths": [{"path": "/*"}],
        "excludedPaths": [{"path": "/o/?"}],
        "compositeIndexes": [[{"path": "/k", "order": "ascending"}, {"path": "/id", "order": "descending"}]],
    }
    container = database.create_container(uuid.uuid4().hex, PartitionKey("/pid"), indexing_policy=policy)
    for row in ROWS:
        container.create_item({**row, "pid": "p"})
    return container


@pytest.fixture(scope="module")
def indexed(database: DatabaseProxy) -> ContainerProxy:
    """The same rows among so many others that the index is used."""
    policy = {
        "indexingMode": "consistent",
        "includedPaths": [{"path": "/*"}],
        "excludedPaths": [{"path": "/z/?"}],
    }
    container = database.create_container(uuid.uuid4().hex, PartitionKey("/pid"), indexing_policy=policy)
    others = [{"id": f"x{at}", "pid": "p", "other": True} for at in range(95)]
    rows = [{**row, "pid": "p"} for row in ROWS]
    container.execute_item_batch([("create", (row,)) for row in rows + others], "p")
    return container


PARAMETERS: list[dict[str, Any]] = [
    {"name": "@one", "value": 1},
    {"name": "@list", "value": [1, 3]},
    {"name": "@none", "value": None},
]


@pytest.mark.parametrize(("condition", "ids"), WHERE)
def test_where_selects(table: ContainerProxy, indexed: ContainerProxy, condition: str, ids: str) -> None:
    query = f"SELECT VALUE c.id FROM c WHERE {condition}"
    found = select(table, query, parameters=PARAMETERS, partition_key="p")
    assert "".join(found) == ids
    query = f"SELECT VALUE c.id FROM c WHERE NOT IS_DEFINED(c.other) AND ({condition}\n)"
    assert "".join(select(indexed, query, parameters=PARAMETERS, partition_key="p")) == ids


@pytest.mark.parametrize(("query", "rows"), SELECT)
def test_select_gives(table: ContainerProxy, query: str, rows: list[Any]) -> None:
    assert select(table, query, partition_key="p") == rows
    # Over all partitions an aggregate of nothing is null: the clients' merge makes it so.
    empty_aggregate = not rows and any(f" {name}(" in query for name in ("SUM", "MIN", "MAX", "AVG"))
    merged = [None] if empty_aggregate else rows
    assert select(table, query, enable_cross_partition_query=True) == merged
    paged = table.query_items(query, partition_key="p", max_item_count=1).by_page()
    assert list(itertools.chain.from_iterable(paged)) == rows


@pytest.mark.parametrize(("query", "code"), WRONG)
def test_wrong_query_says_what_is_wrong(table: ContainerProxy, query: str, code: str) -> None:
    with pytest.raises(CosmosHttpResponseError) as raised:
        select(table, query, partition_key="p")
    assert raised.value.status_code == 400
    quoted = code if code.isdecimal() else f'"{code}"'
    assert f'"code":{quoted}' in str(raised.value).replace('\\"', '"')


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELECT VALUE t FROM c JOIN t IN c.tags ORDER BY t.v", "correlated collections"),
        ("SELECT VALUE t FROM t IN c.tags ORDER BY t.v", "correlated collections"),
        ("SELECT c.k, COUNT(1) AS n FROM c GROUP BY c.k ORDER BY c.k", "in presence of GROUP BY"),
    ],
)
def test_rows_are_sorted_by_the_documents_they_come_from(table: ContainerProxy, query: str, why: str) -> None:
    with pytest.raises(CosmosHttpResponseError, match=why) as raised:
        select(table, query, partition_key="p")
    assert raised.value.status_code == 400


def test_a_document_id_is_the_number_in_the_resource_id(table: ContainerProxy) -> None:
    rows = select(table, "SELECT c._rid, DOCUMENTID(c) AS number FROM c", partition_key="p")
    numbers = [int.from_bytes(base64.b64decode(row["_rid"], b"+-")[8:], "little") for row in rows]
    assert [row["number"] for row in rows] == numbers
    query = f"SELECT VALUE c.id FROM c WHERE DOCUMENTID(c) >= {numbers[3]}"
    assert select(table, query, partition_key="p") == ["4", "5"]


@pytest.mark.parametrize("text", [b"1e400", b"[-1e999]", b'{"a":NaN}'])
def test_a_number_that_no_double_holds_is_not_taken(
    emulator: Emulator, table: ContainerProxy, text: bytes
) -> None:
    answer = post(emulator, table, b'{"id":"huge","pid":"p","n":' + text + b"}", ["p"])
    assert answer.status_code == 400


@pytest.mark.parametrize("order", ["c.n, c.s", "c.k DESC, c.id DESC", "c.o", "c.k, c.id DESC, c.n"])
def test_order_needs_its_index(table: ContainerProxy, order: str) -> None:
    with pytest.raises(CosmosHttpResponseError) as raised:
        select(table, f"SELECT * FROM c ORDER BY {order}", partition_key="p")
    assert raised.value.status_code == 400


def test_pages_go_on_behind_the_last_row_while_others_write(records: ContainerProxy) -> None:
    for at in range(90):
        records.create_item(
            {"id": f"{at:02}", "tenant": "t", "home": f"h{at % 3}", "date": f"d{at % 7}", "body": "b"}
        )
    query = "SELECT c.id, c.date, c.body FROM c WHERE c.tenant = 't' ORDER BY c.date DESC, c.id ASC"
    pages = records.query_items(query, partition_key=["t"], max_item_count=20).by_page()
    seen = list(next(pages))
    token = pages.continuation_token  # type: ignore[attr-defined]
    records.create_item({"id": "first", "tenant": "t", "home": "h0", "date": "d9"})
    records.delete_item("06", ["t", "h0"])
    again = records.query_items(query, partition_key=["t"], max_item_count=20).by_page(token)
    seen += list(itertools.chain.from_iterable(again))
    keys = [(row["date"], row["id"]) for row in seen]
    assert len(seen) == 90
    assert keys == sorted(sorted(keys, key=lambda key: key[1]), key=lambda key: key[0], reverse=True)
    assert {row["body"] for row in seen} == {"b"}


def test_index_follows_every_write(records: ContainerProxy) -> None:
    def count(token: str) -> int:
        query = "SELECT VALUE COUNT(1) FROM c WHERE c.kind = 'current' AND ARRAY_CONTAINS(c.ix.t, @t)"
        parameters = [{"name": "@t", "value": token}]
        return int(select(records, query, parameters=parameters, partition_key=["t"])[0])

    made = [
        {"id": str(at), "tenant": "t", "home": "h", "kind": "current", "ix": {"t": ["all", f"m{at % 2}"]}}
        for at in range(100)
    ]
    records.execute_item_batch([("create", (item,)) for item in made], ["t", "h"])
    assert (count("all"), count("m0")) == (100, 50)
    records.upsert_item({**made[0], "ix": {"t": ["m1", "m1"]}})
    records.delete_item("1", ["t", "h"])
    records.patch_item("2", ["t", "h"], [{"op": "set", "path": "/kind", "value": "history"}])
    records.create_item({**made[0], "home": "new"})
    assert (count("all"), count("m0"), count("m1")) == (98, 49, 50)


def test_query_plan_says_what_is_left_to_merge(emulator: Emulator, table: ContainerProxy) -> None:
    headers = {"x-ms-cosmos-is-query-plan-request": "True", "content-type": "application/query+json"}
    answer = post(emulator, table, {"query": "SELECT * FROM c ORDER BY c.n"}, ["p"], headers)
    info = answer.json()["queryInfo"]
    assert info["orderBy"] == ["Ascending"]
    assert info["rewrittenQuery"] == (
        'SELECT c._rid, [{"item": c.n}] AS orderByItems, c AS payload FROM c '
        "WHERE ({documentdb-formattableorderbyquery-filter}) ORDER BY c.n ASC"
    )
    wrong = post(emulator, table, {"query": "SELECT"}, ["p"], headers)
    assert wrong.status_code == 400
    assert "SC1001" in json.loads(wrong.text)["message"]
