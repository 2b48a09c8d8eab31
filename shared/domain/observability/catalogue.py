"""Every metric the platform keeps: name, kind and meaning."""

from __future__ import annotations

from typing import Final

COUNTERS: Final[dict[str, str]] = {
    "galen_lines_total": "Raw lines handled, by door.",
    "galen_versions_total": "Versions brought in by stream and file, by door and decision (unchanged: duplicates "
    "suppressed; history: stale ones kept out of the present).",
    "galen_dead_letters_total": "Things set aside, by stage and door.",
    "galen_unresolved_references_total": "References to things that cannot be named.",
    "galen_tolerated_issues_total": "Errors that resources were recorded with, by door and rule (mode warn).",
    "galen_safety_reports_total": "Adverse event reports taken, by door; one that is delivered again counts again.",
    "galen_files_total": "Dropped files, by result.",
    "galen_scores_total": "Scores made or changed.",
    "galen_models_refused_total": "Published models that were refused while the last good one stayed, by model.",
    "galen_alerts_total": "Alerts created, changed or superseded, by severity.",
    "galen_readings_not_scored_total": "Readings recorded and not scored, by reason.",
    "galen_commits_found_unlanded_total": "HTTP commits that only the sweep landed.",
    "galen_intents_completed_total": "Transactions that only the sweep completed.",
    "galen_store_busy_total": "Answers of 429 and 449 from the stores, after the SDK's own retries.",
    "galen_http_requests_total": "Requests, by endpoint and status.",
    "galen_refused_total": "Requests refused with 401, 403 or 429, by status and reason.",
}
HISTOGRAMS: Final[dict[str, str]] = {
    "galen_http_request_seconds": "Time to answer a request.",
    "galen_landing_seconds": "From enqueued to landed, by door.",
    "galen_recorded_seconds": "From enqueued to recorded, by door.",
    "galen_alert_seconds": "From the recording of a reading to its alert.",
}
GAUGES: Final[dict[str, str]] = {
    "galen_chain_faults": "Holes, forks and unnamed files in the chains of raw files.",
    "galen_rebuild_differences": "What the last rebuild from raw found different from the records.",
    "galen_stream_lag_events": "Events enqueued and not yet landed, by hub and partition.",
    "galen_freshness_seconds": "Age of the newest file of a layer of the lake.",
    "galen_landed_to_gold_seconds": "From landing to gold, 95th percentile of the newest run of the gold tables.",
    "galen_expectations_unmet": "Critical expectations of the tables that the newest judgement found unmet, by layer.",
    "galen_model_out_of_bounds": "Figures of the newest week of a model that are out of bounds, by kind.",
    "galen_dead_letters_open": "Dead letters that nobody has replayed, by stage.",
    "galen_policy_violations": "Rules of the platform that the app sees broken in its own settings, by rule.",
    "galen_intents_open": "Transactions decided and not yet applied.",
}
BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
"""Upper bounds of the histograms in seconds."""
