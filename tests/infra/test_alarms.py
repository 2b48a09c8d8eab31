"""Every alarm fires once on a recorded trouble, as rendered to each of its systems, and is silent before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

import pytest

pytest.importorskip(
    "pulumi", reason="not tested: the infrastructure, whose dependency group is not installed"
)

from infra.alerts.alarms import ALARMS, DAY_S, LAMBDA_AT_ONCE
from infra.alerts.azure_monitor import activity_condition, platform_criteria, rule_group
from infra.alerts.cloudwatch import alarm_arguments
from infra.alerts.prometheus import expression, rules_file
from infra.alerts.rule import ActivityLog, Alarm, Bound, Increase, Metric, Percent, PlatformMetric, Priority
from shared.domain.observability.catalogue import BUCKETS_S, COUNTERS, GAUGES, HISTOGRAMS
from shared.domain.observability.embedded import TOLD
from shared.names import METRICS_NAMESPACE
from tests.infra.cloudwatch import Samples, in_alarm
from tests.infra.promql import Series, broken, series

MINUTES = 400
TROUBLE = range(100, 220)
"""Two hours of it, in six and a half."""


def _over_time(usual: float, trouble: float) -> list[float]:
    return [trouble if minute in TROUBLE else usual for minute in range(MINUTES)]


def _counter(usual: float, trouble: float) -> list[float]:
    return list(accumulate(_over_time(usual, trouble)))


def _answers(slow_s: float) -> Series:
    """A hundred requests a minute, in the buckets of the app's histogram."""
    found: dict = {}
    for bound in (*BUCKETS_S, float("inf")):
        quick, slow = (100.0 if took <= bound else 0.0 for took in (0.02, slow_s))
        name = "galen_http_request_seconds_bucket"
        found |= series(name, _counter(quick, slow), endpoint="search", le=str(bound))
    return found


def _instant(days: float, trouble_days: float) -> list[float]:
    return [60.0 * minute + DAY_S * left for minute, left in enumerate(_over_time(days, trouble_days))]


PROMETHEUS: dict[str, Series] = {
    "availability": {
        **series("galen_http_requests_total", _counter(100, 100), endpoint="read", status="200"),
        **series("galen_http_requests_total", _counter(0, 5), endpoint="read", status="503"),
    },
    "unauthorised-access": {
        **series("galen_refused_total", _counter(1, 60), status="401", reason="signature"),
        **series("galen_refused_total", _counter(500, 500), status="429", reason="rate"),
    },
    "data-loss": {
        **series("galen_chain_faults", _over_time(0, 0), kind="fork"),
        **series("galen_chain_faults", _over_time(0, 1), kind="hole"),
    },
    "transaction-set-aside": {
        **series("galen_dead_letters_open", _over_time(3, 3), stage="validate"),
        **series("galen_dead_letters_open", _over_time(0, 1), stage="transaction"),
    },
    "rebuild-differs": series("galen_rebuild_differences", _over_time(0, 2)),
    "slow-answers": _answers(slow_s=8.0),
    "policy-violation": {
        **series("galen_policy_violations", _over_time(0, 0), rule="transport"),
        **series("galen_policy_violations", _over_time(0, 1), rule="identity"),
    },
    "utilisation": {
        **series("container_memory_working_set_bytes", _over_time(4e8, 9.5e8), container="inference"),
        **series("container_spec_memory_limit_bytes", _over_time(1e9, 1e9), container="inference"),
    },
    "backup-failed": series("kube_job_status_failed", _counter(0, 1), job_name="galen-backup-nightly"),
    "quality-below": {
        **series("galen_lines_total", _counter(200, 200), door="stream"),
        **series("galen_dead_letters_total", _counter(1, 40), stage="validate", door="stream"),
    },
    "tables-late": {
        **series("galen_freshness_seconds", _over_time(2e5, 2e5), layer="curated"),
        **series("galen_freshness_seconds", _over_time(1800, 15_000), layer="processed"),
    },
    "promotion-stopped": series("galen_expectations_unmet", _over_time(0, 1), layer="silver"),
    "model-out-of-bounds": series("galen_model_out_of_bounds", _over_time(0, 2), kind="drift"),
    "model-refused": series("galen_models_refused_total", _counter(0, 1), model="sepsis"),
    "capacity": series("galen_stream_lag_events", _over_time(300, 80_000), hub="vital-signs", partition="0"),
    "certificate-expires": series("probe_ssl_earliest_cert_expiry", _instant(60, 3), instance="api"),
}


def _samples(namespace: str, name: str, usual: Sequence[float], trouble: Sequence[float]) -> Samples:
    return {(namespace, name): [trouble if minute in TROUBLE else usual for minute in range(MINUTES)]}


CLOUDWATCH: dict[str, Samples] = {
    "availability": {
        **_samples("AWS/ApiGateway", "Count", [100], [100]),
        **_samples("AWS/ApiGateway", "5xx", [0], [5]),
    },
    "unauthorised-access": _samples("galen", "galen_refused_total", [1], [60]),
    "data-loss": _samples("galen", "galen_chain_faults", [0, 0], [0, 1]),
    "transaction-set-aside": _samples("galen", "galen_dead_letters_open stage=transaction", [0], [1]),
    "rebuild-differs": _samples("galen", "galen_rebuild_differences", [0], [2]),
    "slow-answers": _samples("AWS/ApiGateway", "Latency", [20.0] * 20, [20.0] * 15 + [8_000.0] * 5),
    "policy-violation": _samples("galen", "galen_policy_violations", [0], [1]),
    "utilisation": _samples("AWS/Lambda", "ConcurrentExecutions", [40], [LAMBDA_AT_ONCE * 0.9]),
    "backup-failed": _samples("AWS/Backup", "NumberOfBackupJobsFailed", [0], [1]),
    "quality-below": {
        **_samples("galen", "galen_lines_total", [200], [200]),
        **_samples("galen", "galen_dead_letters_total", [1], [40]),
    },
    "tables-late": _samples("galen", "galen_freshness_seconds layer=processed", [1800], [15_000]),
    "promotion-stopped": _samples("galen", "galen_expectations_unmet", [0], [1]),
    "model-out-of-bounds": _samples("galen", "galen_model_out_of_bounds", [0], [2]),
    "model-refused": _samples("galen", "galen_models_refused_total", [0], [1]),
    "capacity": _samples("AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", [200], [1_200_000]),
    "certificate-expires": _samples("AWS/CertificateManager", "DaysToExpiry", [60], [3]),
}


def _firings(is_broken: Callable[[int], bool], for_min: int) -> list[int]:
    """The minutes in which the alarm begins: when it has been broken for so long without a pause."""
    begun, lasted, firing = [], 0, False
    for minute in range(1, MINUTES):
        lasted = lasted + 1 if is_broken(minute) else 0
        now = lasted > for_min
        if now and not firing:
            begun.append(minute)
        firing = now
    return begun


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_prometheus_fires_once(alarm: Alarm) -> None:
    text = expression(alarm.prometheus)
    begun = _firings(lambda minute: broken(text, PROMETHEUS[alarm.name], minute), alarm.prometheus.for_min)
    assert len(begun) == 1
    assert begun[0] in TROUBLE


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_cloudwatch_fires_once(alarm: Alarm) -> None:
    rendered = alarm_arguments(alarm)
    begun = _firings(lambda minute: in_alarm(rendered, CLOUDWATCH[alarm.name], minute), 0)
    assert len(begun) == 1
    assert begun[0] in TROUBLE


@pytest.mark.parametrize("rule", rule_group(ALARMS), ids=lambda rule: rule["alert"])
def test_a_rule_group_of_azure_monitor_fires_once(rule: dict) -> None:
    for_min = int(rule["for_"].removeprefix("PT").removesuffix("M"))
    begun = _firings(lambda minute: broken(rule["expression"], PROMETHEUS[rule["alert"]], minute), for_min)
    assert len(begun) == 1
    assert begun[0] in TROUBLE


KEPT_BY_AZURE = [alarm for alarm in ALARMS if alarm.azure is not None]


@pytest.mark.parametrize("alarm", KEPT_BY_AZURE, ids=lambda alarm: alarm.name)
def test_what_azure_itself_keeps_fires_once(alarm: Alarm) -> None:
    if isinstance(alarm.azure, PlatformMetric):
        (criterion,) = platform_criteria(alarm.azure)["all_of"]
        assert (criterion["operator"], criterion["time_aggregation"]) == ("GreaterThan", "Maximum")
        values = _over_time(20, 92)
        begun = _firings(
            lambda minute: max(values[max(0, minute - 4) : minute + 1]) > criterion["threshold"], 0
        )
        assert len(begun) == 1
        return
    assert isinstance(alarm.azure, ActivityLog)
    category, one_of = activity_condition(alarm.azure)["all_of"]
    entries = [
        {"category": "Administrative", "level": "Error"},
        {
            "category": category["equals"],
            "level": "Informational",
            "properties.currentHealthStatus": "Available",
        },
        {"category": category["equals"], "level": "Error", "properties.currentHealthStatus": "Unavailable"},
    ]
    met = [
        entry["category"] == category["equals"]
        and any(entry.get(each["field"]) == each["equals"] for each in one_of["any_of"])
        for entry in entries
    ]
    assert met == [False, False, True]


def test_every_alarm_is_told_on_all_three() -> None:
    names = [alarm.name for alarm in ALARMS]
    on_azure = [rule["alert"] for rule in rule_group(ALARMS)] + [alarm.name for alarm in KEPT_BY_AZURE]
    assert sorted(on_azure) == sorted(names)
    assert len(set(names)) == len(names)
    assert [name for name in names if f"- alert: {name}\n" not in rules_file(ALARMS)] == []


def test_each_priority_has_its_alarms() -> None:
    counted = {priority: [a.name for a in ALARMS if a.priority is priority] for priority in Priority}
    assert [len(names) for names in counted.values()] == [5, 5, 6]


def _metrics_of(bound: Bound) -> list[Metric]:
    signal = bound.signal
    if isinstance(signal, Percent):
        return [signal.part, signal.whole]
    return [signal.metric]


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_a_metric_of_ours_is_one_that_the_app_has(alarm: Alarm) -> None:
    known = {*COUNTERS, *GAUGES, *HISTOGRAMS}
    named = [m.name for bound in (alarm.prometheus, alarm.cloudwatch) for m in _metrics_of(bound)]
    assert [name for name in named if name.startswith("galen_") and name not in known] == []


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_what_cloudwatch_is_asked_of_ours_is_what_functions_tell_it(alarm: Alarm) -> None:
    for metric in _metrics_of(alarm.cloudwatch):
        if metric.namespace == METRICS_NAMESPACE:
            dimension = TOLD[metric.name].dimension
            assert list(metric.labels) == ([dimension] if dimension else [])


def test_cloudwatch_is_told_nothing_that_no_alarm_asks_for() -> None:
    asked = {
        m.name for alarm in ALARMS for m in _metrics_of(alarm.cloudwatch) if m.namespace == METRICS_NAMESPACE
    }
    assert asked == set(TOLD)


def test_a_rate_without_requests_is_no_trouble() -> None:
    """Nobody asks at night: nothing divided by nothing breaks no bound."""
    silent = series("galen_http_requests_total", [5.0] * MINUTES, endpoint="read", status="200")
    bound = Bound(
        Percent(Metric("galen_http_requests_total", {"status": "5.."}), Metric("galen_http_requests_total")),
        1,
    )
    assert not broken(expression(bound), silent, 50)


def test_a_selection_by_label_leaves_the_others_out() -> None:
    bound = Bound(Increase(Metric("galen_refused_total", {"status": "401|403"})), 10)
    others = series("galen_refused_total", _counter(1000, 1000), status="429", reason="rate")
    assert not broken(expression(bound), others, 50)
