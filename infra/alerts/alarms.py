"""The alarms. Each says what is wrong and what to do first; docs/operations.md says what the app's metrics mean.

Metrics that start with `galen_` are the app's; `probe_…` and `container_…` are those of Prometheus' blackbox exporter and of
cAdvisor; the rest are what AWS and Azure keep themselves. In CloudWatch the app's metrics are in the namespace `galen`, told
by lines in the functions' logs.
"""

from __future__ import annotations

from typing import Final

from infra.alerts.rule import (
    ActivityLog,
    Alarm,
    Bound,
    Highest,
    Increase,
    Metric,
    Percent,
    PlatformMetric,
    Priority,
    Quantile,
    Until,
    Used,
)
from shared.names import METRICS_NAMESPACE

DAY_S: Final = 86_400
LAMBDA_AT_ONCE: Final = 1_000
"""Functions that an AWS account runs at once unless it asked for more."""
_REQUESTS: Final = Metric("galen_http_requests_total")
_FAILED: Final = Metric("galen_http_requests_total", {"status": "5.."})


def _app(name: str, **labels: str) -> Metric:
    """One that functions tell CloudWatch of (shared/domain/observability/embedded.py)."""
    return Metric(name, labels, METRICS_NAMESPACE)


ALARMS: Final = (
    Alarm(
        "availability",
        Priority.P1,
        "More than one request in a hundred fails",
        "See /health for the store that does not answer, then its status page",
        Bound(Percent(_FAILED, _REQUESTS), 1),
        Bound(
            Percent(Metric("5xx", namespace="AWS/ApiGateway"), Metric("Count", namespace="AWS/ApiGateway")), 1
        ),
    ),
    Alarm(
        "unauthorised-access",
        Priority.P1,
        "Somebody is refused again and again: a stolen or guessed token, or a client that lost its own",
        "Find the client by the reason of the refusals, and withdraw its credentials where it is not its owner",
        Bound(Increase(Metric("galen_refused_total", {"status": "401|403"})), 100, for_min=0),
        Bound(Increase(_app("galen_refused_total")), 100, for_min=0),
    ),
    Alarm(
        "data-loss",
        Priority.P1,
        "A chain of raw files has a hole, a fork or an altered file: evidence is missing or was touched",
        "Stop whoever writes there, restore the file's version, see docs/disaster-recovery.md",
        Bound(Highest(Metric("galen_chain_faults")), 0, for_min=0),
        Bound(Highest(_app("galen_chain_faults")), 0, for_min=0),
    ),
    Alarm(
        "rebuild-differs",
        Priority.P1,
        "The records are not what raw says they must be",
        "Run `rebuild --check --format json`: it names each difference",
        Bound(Highest(Metric("galen_rebuild_differences")), 0, for_min=0),
        Bound(Highest(_app("galen_rebuild_differences")), 0, for_min=0),
    ),
    Alarm(
        "transaction-set-aside",
        Priority.P1,
        "A transaction was decided and part of it cannot be written",
        "See `dead-letters list` for the stage `transaction`, mend what it names, replay it",
        Bound(Highest(Metric("galen_dead_letters_open", {"stage": "transaction"})), 0, for_min=0),
        Bound(Highest(_app("galen_dead_letters_open", stage="transaction")), 0, for_min=0),
    ),
    Alarm(
        "slow-answers",
        Priority.P2,
        "One request in twenty takes longer than five seconds",
        "Look which endpoint, and whether a store is throttled",
        Bound(Quantile(Metric("galen_http_request_seconds"), 0.95), 5),
        Bound(Quantile(Metric("Latency", namespace="AWS/ApiGateway"), 0.95), 5_000),
    ),
    Alarm(
        "policy-violation",
        Priority.P2,
        "The app runs with settings that a rule of the platform forbids: somebody changed the stack by hand",
        "See which rule in /metrics, run `pulumi preview` on the stack and bring it back",
        Bound(Highest(Metric("galen_policy_violations")), 0, for_min=0),
        Bound(Highest(_app("galen_policy_violations")), 0, for_min=0),
        ActivityLog("Policy", ("Failed", "Warning")),
    ),
    Alarm(
        "utilisation",
        Priority.P2,
        "A bound of growth is nearly reached",
        "Raise the part's bound in infra/scaling.py, after asking why it is busy",
        Bound(
            Used(Metric("container_memory_working_set_bytes"), Metric("container_spec_memory_limit_bytes")),
            85,
        ),
        Bound(Used(Metric("ConcurrentExecutions", namespace="AWS/Lambda"), LAMBDA_AT_ONCE), 85),
        PlatformMetric("cosmosdb:DatabaseAccount", Bound(Highest(Metric("NormalizedRUConsumption")), 85)),
    ),
    Alarm(
        "backup-failed",
        Priority.P2,
        "A copy that a restore would need was not made",
        "Look at the store's own message, make a copy by hand, then run the restore drill",
        Bound(Increase(Metric("kube_job_status_failed", {"job_name": "galen-backup-.*"})), 0, for_min=0),
        Bound(Increase(Metric("NumberOfBackupJobsFailed", namespace="AWS/Backup")), 0, for_min=0),
        ActivityLog("ResourceHealth", ("Degraded", "Unavailable")),
    ),
    Alarm(
        "promotion-stopped",
        Priority.P2,
        "Rows of a layer break a critical expectation: no run takes them to the next layer",
        "See what the last run of `tables` says, its rows in quarantine/set-aside and the Data Docs in audit/data-docs",
        Bound(Highest(Metric("galen_expectations_unmet")), 0, for_min=0),
        Bound(Highest(_app("galen_expectations_unmet")), 0, for_min=0),
    ),
    Alarm(
        "quality-below",
        Priority.P3,
        "More than five lines in a hundred are set aside: a source sends what cannot be read",
        "See `dead-letters list` for the stage and the source",
        Bound(Percent(Metric("galen_dead_letters_total"), Metric("galen_lines_total")), 5, window_min=60),
        Bound(Percent(_app("galen_dead_letters_total"), _app("galen_lines_total")), 5, window_min=60),
    ),
    Alarm(
        "tables-late",
        Priority.P3,
        "The tables are more than three hours behind: the jobs fail or do not start",
        "Look at the last run of the pipeline `tables`",
        Bound(Highest(Metric("galen_freshness_seconds", {"layer": "processed"})), 3 * 3600, for_min=15),
        Bound(Highest(_app("galen_freshness_seconds", layer="processed")), 3 * 3600, for_min=15),
    ),
    Alarm(
        "model-out-of-bounds",
        Priority.P3,
        "A model is asked about other patients than it learned from, forecasts wrongly or alerts too often",
        "See `python3 -m local report`; train the model anew, or take it out of service",
        Bound(Highest(Metric("galen_model_out_of_bounds")), 0, for_min=15),
        Bound(Highest(_app("galen_model_out_of_bounds")), 0, for_min=15),
    ),
    Alarm(
        "model-refused",
        Priority.P3,
        "A published model was refused, and the one before it still serves",
        "The log of the app says why; publish it anew with `local publish`",
        Bound(Increase(Metric("galen_models_refused_total")), 0, for_min=0),
        Bound(Increase(_app("galen_models_refused_total")), 0, for_min=0),
    ),
    Alarm(
        "capacity",
        Priority.P3,
        "Events wait for longer than the app can catch up with soon",
        "See whether a store is throttled; else give the streams more partitions",
        Bound(Highest(Metric("galen_stream_lag_events")), 50_000, for_min=15),
        Bound(
            Highest(Metric("GetRecords.IteratorAgeMilliseconds", namespace="AWS/Kinesis")),
            900_000,
            for_min=15,
        ),
    ),
    Alarm(
        "certificate-expires",
        Priority.P3,
        "A certificate has less than a fortnight left",
        "Renew it; a managed one renews itself unless its name no longer points here",
        Bound(Until(Metric("probe_ssl_earliest_cert_expiry")), 14 * DAY_S, above=False, for_min=0),
        Bound(Until(Metric("DaysToExpiry", namespace="AWS/CertificateManager")), 14, above=False, for_min=0),
    ),
)
