"""The timer trigger: one host of several runs a schedule, and remembers it over restarts.

Behaviour of azure-webjobs-sdk-extensions `TimerListener.cs` and `ScheduleMonitor.cs`: singleton listener by a blob
lease, status in `azure-webjobs-hosts/timers/<host id>/<function>/status`, an occurrence missed while no host ran is
made up for once (`IsPastDue`), an exception neither stops nor shifts the schedule, times are UTC.
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from local.host.checkpoints import blob_service, ensure_container
from local.host.cron import Schedule, parse_schedule
from local.host.engine import Datum, FunctionDefinition
from local.host.invoker import Invoker, Stopping
from local.host.settings import connection, resolve

log = logging.getLogger("host")

HOSTS_CONTAINER = "azure-webjobs-hosts"
HOST_ID = "galen-local"
LEASE_S = 15
_RENEW_S = 6.0
_NEVER = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """When the timer last ran, is next due, and when that was written."""

    last: datetime
    next: datetime
    last_updated: datetime

    def to_json(self) -> dict[str, str]:
        return {"Last": _iso(self.last), "Next": _iso(self.next), "LastUpdated": _iso(self.last_updated)}

    @classmethod
    def from_json(cls, content: Mapping[str, str]) -> ScheduleStatus:
        return cls(*(_instant(content[name]) for name in ("Last", "Next", "LastUpdated")))


def timer_datum(*, past_due: bool, status: ScheduleStatus | None) -> Datum:
    """The timer's information as the worker decodes it."""
    content = {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": status.to_json() if status else None,
        "IsPastDue": past_due,
    }
    return Datum(json.dumps(content), "json")


def past_due(status: ScheduleStatus, schedule: Schedule, now: datetime) -> bool:
    """Whether an occurrence was missed; a schedule that was changed since counts anew from the last run."""
    since = status.last_updated if status.last_updated > _NEVER else status.last
    if since > _NEVER:
        expected = schedule.next_after(since)
        return expected is not None and expected < now
    return status.next < now


class TimerTrigger:
    """One timer function's listener, on a thread of its own."""

    def __init__(self, function: FunctionDefinition, invoker: Invoker, me: str) -> None:
        trigger = function.trigger
        self._function = function
        self._invoker = invoker
        self._schedule = parse_schedule(resolve(str(trigger["schedule"])))
        self._run_on_startup = bool(trigger.get("runOnStartup", False))
        self._monitored = bool(trigger.get("useMonitor", True))
        self._storage = connection("Storage")
        # the same host takes its own lease again at once after a crash
        self._lease_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{me}/{function.name}"))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"timer-{function.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                store = _TimerStore(self._storage, self._function.name, self._lease_id)
                if store.acquire():
                    self._listen(store)
                    store.release()
                    failures = 0
            except Exception as error:  # noqa: BLE001 - the store may be on its way; the schedule goes on
                failures += 1
                if failures in (3, 20) or failures % 200 == 0:
                    log.warning(
                        "%s: timer store not reachable (%s)", self._function.name, type(error).__name__
                    )
            self._stopping.wait(min(5.0, 0.5 * 2 ** min(failures, 4)) if failures else 5.0)

    def _listen(self, store: _TimerStore) -> None:
        """Run the schedule while the lease holds."""
        now = datetime.now(UTC)
        status = store.read() if self._monitored else None
        late = status is not None and past_due(status, self._schedule, now)
        if status is None:
            due = self._schedule.next_after(now)
            if due is None:
                log.warning("%s: the schedule never comes due", self._function.name)
                self._stopping.wait()
                return
            status = ScheduleStatus(_NEVER, due, _NEVER)
        elif not late:
            due = self._schedule.next_after(now)
            status = ScheduleStatus(status.last, due or status.next, status.last_updated)
        startup = self._run_on_startup and not late
        while not self._stopping.is_set():
            if not (late or startup) and not self._wait_until(status.next, store):
                return
            status = self._tick(store, status, late=late, startup=startup)
            late = startup = False

    def _wait_until(self, due: datetime, store: _TimerStore) -> bool:
        """Renew the lease meanwhile; False at the end or when the lease is lost."""
        while True:
            remaining_s = (due - datetime.now(UTC)).total_seconds()
            if remaining_s <= 0:
                return True
            if self._stopping.wait(min(remaining_s, _RENEW_S)):
                return False
            if remaining_s > _RENEW_S and not store.renew():
                return False

    def _tick(
        self, store: _TimerStore, status: ScheduleStatus, *, late: bool, startup: bool
    ) -> ScheduleStatus:
        started = datetime.now(UTC)
        data = timer_datum(past_due=late, status=status if self._monitored else None)
        call: Any = self._invoker.invoke_from_thread(self._function, data, {}, "Timer fired")
        while True:
            try:
                call.result(_RENEW_S)
            except TimeoutError:
                store.renew()
                continue
            except Stopping:
                self._stopping.set()
                return status
            break
        # a timer that fired a little early must not be due at the same instant again
        base = started if late or startup else max(started, status.next)
        following = self._schedule.next_after(base) or base + timedelta(days=36500)
        updated = ScheduleStatus(base, following, base)
        if self._monitored:
            store.write(updated)
        return updated


class _TimerStore:
    """The lock and the status blob of one timer."""

    def __init__(self, connection_string: str, function_name: str, lease_id: str) -> None:
        container = ensure_container(blob_service(connection_string), HOSTS_CONTAINER)
        self._lock = container.get_blob_client(f"locks/{HOST_ID}/{function_name}.Listener")
        self._status = container.get_blob_client(f"timers/{HOST_ID}/{function_name}/status")
        self._lease_id = lease_id

    def acquire(self) -> bool:
        """Whether this host is the one to run the timer."""
        from azure.core.exceptions import HttpResponseError, ResourceExistsError
        from azure.storage.blob import BlobLeaseClient

        try:
            self._lock.upload_blob(b"", overwrite=False)
        except (ResourceExistsError, HttpResponseError) as error:
            if error.status_code not in (409, 412):
                raise
        try:
            BlobLeaseClient(self._lock, self._lease_id).acquire(LEASE_S)
        except HttpResponseError as error:
            if error.status_code == 409:
                return False
            raise
        return True

    def renew(self) -> bool:
        from azure.core.exceptions import HttpResponseError
        from azure.storage.blob import BlobLeaseClient

        try:
            BlobLeaseClient(self._lock, self._lease_id).renew()
        except HttpResponseError:
            return False
        return True

    def release(self) -> None:
        from azure.core.exceptions import HttpResponseError
        from azure.storage.blob import BlobLeaseClient

        try:
            BlobLeaseClient(self._lock, self._lease_id).release()
        except HttpResponseError:
            return

    def read(self) -> ScheduleStatus | None:
        """None before the first run and where the blob cannot be read as a status."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return ScheduleStatus.from_json(json.loads(self._status.download_blob().readall()))
        except ResourceNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            log.warning("A timer's status blob is not readable and starts anew")
            return None

    def write(self, status: ScheduleStatus) -> None:
        """Best effort, as `StorageScheduleMonitor.UpdateStatusAsync`."""
        from azure.core.exceptions import AzureError

        try:
            self._status.upload_blob(json.dumps(status.to_json()).encode(), overwrite=True)
        except AzureError as error:
            log.warning("A timer's status was not written (%s)", type(error).__name__)


def _iso(instant: datetime) -> str:
    return (
        instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
        if instant > _NEVER
        else "0001-01-01T00:00:00"
    )


def _instant(text: str) -> datetime:
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
