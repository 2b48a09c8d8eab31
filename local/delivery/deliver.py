"""One delivery through one door, from the first byte sent until every resource is found or accounted for as rejected."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from local.delivery.account import Account
from local.delivery.confirm import Confirmer
from local.delivery.file_door import FileDoor
from local.delivery.http_door import Accepted, HttpDoor, Posting, postings
from local.delivery.parcels import Parcel
from local.delivery.refusals import Refusals
from local.delivery.sources import Document
from local.delivery.stream_door import stream_door
from local.delivery.target import Target
from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Door

PATIENCE_S: Final = 90.0
"""How long nothing may be found before the rest counts as lost."""
_LOOK_EVERY_S: Final = 0.05
_LETTERS_AFTER_S: Final = 1.5

Progress = Callable[[Account, Confirmer], None]
Ready = Posting | Document | Parcel


class Delivery:
    """Sends ready-made items through a door and waits for them; `account` says what came of it, `accepted` hears of the keys
    of each document at the moment the door has taken it."""

    def __init__(
        self,
        target: Target,
        door: str,
        progress: Progress = lambda *_: None,
        accepted: Accepted = lambda _: None,
    ) -> None:
        self.account = Account(door)
        self.started_at = instant_text(target.services.clock.now())
        self._target = target
        self._door = Door(door)
        self._progress = progress
        self._accepted = accepted
        # By HTTP the same content makes no new version; by stream and file every delivery does.
        self.confirmer = Confirmer(target.api, "" if self._door is Door.HTTP else self.started_at)
        self._refusals = Refusals(target.services, target.tenant, self.started_at)
        self._gone: list[str] = []
        self._seen_gone = 0
        self._failure: BaseException | None = None

    def restart_clock(self) -> str:
        """Count from now on, what went before being preparation; the instant."""
        self.started_at = instant_text(self._target.services.clock.now())
        self.confirmer.since = self._refusals.since = self.started_at if self._door is not Door.HTTP else ""
        return self.started_at

    def ready(self, documents: Iterable[Document]) -> Iterable[Ready]:
        """The documents made ready for the door, one by one."""
        if self._door is Door.HTTP:
            return postings(documents, self.account)
        return (self._target.packer.parcel(document, self._door) for document in documents)

    def run(self, items: Iterable[Ready]) -> Account:
        """Send all and wait until all is accounted for. Raises what made the sending fail."""
        started = time.monotonic()
        sender = threading.Thread(target=self._send, args=(items,), name="send", daemon=True)
        sender.start()
        found_at = self._wait(sender)
        self.account.seconds = found_at - started
        if self._failure is not None:
            raise self._failure
        self.account.recorded = self.confirmer.found + len(self._gone)
        return self.account

    def _wait(self, sender: threading.Thread) -> float:
        """When the last resource was found."""
        changed_at = letters_at = time.monotonic()
        while True:
            sending = sender.is_alive()
            newly = self.confirmer.sweep()
            now = time.monotonic()
            self._progress(self.account, self.confirmer)
            if newly or sending:
                changed_at = now
            if not sending and self._failure is not None:
                return now
            if (
                not sending
                and self.confirmer.complete
                and not self._refusals.waiting()
                and not self._still_there()
            ):
                return changed_at if newly == 0 else now
            if not sending and now - max(changed_at, letters_at) > _LETTERS_AFTER_S:
                refused = self._refusals.collect(self.account)
                self.confirmer.give_up(refused)
                letters_at = now = time.monotonic()
                changed_at = now if refused else changed_at
            if now - changed_at > PATIENCE_S:
                self._name_the_rest()
                return changed_at
            time.sleep(_LOOK_EVERY_S)

    def _name_the_rest(self) -> None:
        """What came as an older version is in the history, not in the present; anything else is lost."""
        for key in sorted(self.confirmer.missing(), key=str):
            history = self._target.api.send("GET", f"/fhir/{key}/_history?_count=50", repeatable=True).json()
            times = [entry["response"]["lastModified"] for entry in history.get("entry", ())]
            if not any(at >= self.started_at for at in times):
                self.account.lose(str(key))
        for name in self._refusals.waiting():
            self.account.lose(name)
        for address in self._still_there():
            self.account.lose(f"{address}: deleted, and still there")

    def _still_there(self) -> list[str]:
        """What was deleted and has not been seen gone yet."""
        for address in self._gone[self._seen_gone :]:
            if self._target.api.send("GET", f"/fhir/{address}", repeatable=True).status not in (404, 410):
                break
            self._seen_gone += 1
        return self._gone[self._seen_gone :]

    def _send(self, items: Iterable[Ready]) -> None:
        try:
            if self._door is Door.HTTP:
                self._post(items)
            elif self._door is Door.STREAM:
                self._stream(items)
            else:
                files = self._files()
                for item in items:
                    assert isinstance(item, Parcel)
                    self._drop(files, item)
                files.flush()
        except BaseException as failure:  # noqa: BLE001 - carried to the thread that waits
            self._failure = failure

    def _post(self, items: Iterable[Ready]) -> None:
        files = self._files()

        def posted() -> Iterable[Posting]:
            for item in items:
                if isinstance(item, Posting):
                    yield item
                elif isinstance(item, Document):
                    self.account.reroute(item.name)
                    self._drop(files, self._target.packer.parcel(item, Door.FILE))

        def accepted(keys: Sequence[ResourceKey]) -> None:
            self.confirmer.add(keys)
            self._accepted(keys)

        HttpDoor(self._target.api, self.account, accepted).send(posted())
        files.flush()

    def _stream(self, items: Iterable[Ready]) -> None:
        files = self._files()
        with stream_door(self._target.settings, self._taken) as door:
            for item in items:
                assert isinstance(item, Parcel)
                if not item.fits_hub:
                    self.account.reroute(item.name)
                    self._drop(files, self._target.packer.by_landing(item))
                    continue
                self._expect(item)
                door.send(item)
            door.flush()
        files.flush()

    def _files(self) -> FileDoor:
        return FileDoor(self._target.dropped, self._target.tenant, self._dropped)

    def _dropped(self, file: str, parcels: list[Parcel]) -> None:
        for parcel in parcels:
            self._refusals.expect(parcel, file)
        self._taken(parcels)

    def _taken(self, parcels: list[Parcel]) -> None:
        for parcel in parcels:
            self._accepted(list(parcel.keys.values()))

    def _drop(self, files: FileDoor, parcel: Parcel) -> None:
        self._expect(parcel)
        files.send(parcel)

    def _expect(self, parcel: Parcel) -> None:
        self._refusals.expect(parcel)
        self.account.sent(parcel.resources, parcel.size)
        self.confirmer.add(parcel.keys.values())
        self._gone += [str(key) for key in parcel.gone]
