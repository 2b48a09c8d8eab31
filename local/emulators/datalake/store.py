"""The lake on disk: `DIR/<container>/<path>` are plain files, and that tree is the only truth.

A commit gives a complete temporary file its name by one atomic call, so an empty or cut file is never
seen at a final name, whatever is killed when. Nothing here awaits between a check and the commit that
relies on it. Symbolic links are neither followed nor listed.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat as stat_module
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.emulators.datalake import traits
from local.emulators.datalake.atomic import link_new, rename_new
from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.metadata import AttributeRows, Attributes, open_database
from local.emulators.datalake.names import Place, is_container_name
from local.emulators.datalake.staging import Staged, Staging, discard
from local.emulators.held_folder import hold

OWN_FOLDER = ".emulator"


@dataclass(slots=True, frozen=True)
class Entry:
    """A file or directory that exists now."""

    place: Place
    stat: os.stat_result
    attributes: Attributes

    @property
    def is_directory(self) -> bool:
        return stat_module.S_ISDIR(self.stat.st_mode)

    @property
    def size(self) -> int:
        return 0 if self.is_directory else self.stat.st_size

    @property
    def accessed_ns(self) -> int:
        """When it was read or written last, as the file system keeps it: to the day, as the service."""
        return max(self.stat.st_atime_ns, self.attributes.modified_ns)


class Store:
    """The tree with the attributes beside it; one process at a time owns a data folder."""

    def __init__(self, root: str, *, fsync: bool = False) -> None:
        self.root = os.path.realpath(root)
        own = os.path.join(self.root, OWN_FOLDER)
        os.makedirs(own, exist_ok=True)
        self._lock = hold(Path(own), "data lake")
        self._fsync = fsync
        self.database = open_database(own, fsync=fsync)
        self.rows = AttributeRows(self.database)
        self.staging = Staging(os.path.join(own, "staging"), self.database, fsync=fsync)
        self._trash = os.path.join(own, "trash")
        os.makedirs(self._trash, exist_ok=True)
        shutil.rmtree(self._trash)
        os.makedirs(self._trash)

    def close(self) -> None:
        self.database.close()
        os.close(self._lock)

    # Finding

    def path_of(self, place: Place) -> str:
        """The file path of a place."""
        path = f"{self.root}/{place.container}"
        return f"{path}/{place.path}" if place.path else path

    def locate(self, place: Place) -> str:
        """The file path of a place; raises InvalidUri where a symbolic link on the way could lead elsewhere."""
        path = f"{self.root}/{place.container}"
        for segment in place.path.split("/") if place.path else ():
            try:
                if stat_module.S_ISLNK(os.lstat(path).st_mode):
                    raise StorageError("InvalidUri", "Symbolic links are not followed.")
            except OSError:  # what is absent leads nowhere; whatever uses the path will say so
                break
            path = f"{path}/{segment}"
        return self.path_of(place)

    def find(self, place: Place) -> Entry | None:
        """What is at a place now, or None; a special file counts as nothing."""
        try:
            stat = os.lstat(self.locate(place))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _refusal(error) from error
        if not (stat_module.S_ISREG(stat.st_mode) or stat_module.S_ISDIR(stat.st_mode)):
            return None
        entry = Entry(place, stat, self.rows.read(stat, place))
        return None if self._ended(entry) else entry

    def _ended(self, entry: Entry) -> bool:
        """Whether a file's time is over: then it is deleted when somebody asks for it."""
        if not entry.attributes.traits or not traits.is_expired(entry.attributes):
            return False
        self.delete(entry)
        return True

    def open(self, place: Place) -> tuple[Entry, int] | None:
        """A file with a descriptor that keeps showing the same bytes whatever replaces it; None if absent."""
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(self.locate(place), flags)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _refusal(error) from error
        stat = os.fstat(descriptor)
        if not (stat_module.S_ISREG(stat.st_mode) or stat_module.S_ISDIR(stat.st_mode)):
            os.close(descriptor)
            return None
        entry = Entry(place, stat, self.rows.read(stat, place))
        if self._ended(entry):
            os.close(descriptor)
            return None
        return entry, descriptor

    def containers(self) -> list[Entry]:
        names = sorted(name for name in os.listdir(self.root) if is_container_name(name))
        found = [self.find(Place(name, "")) for name in names]
        return [entry for entry in found if entry is not None and entry.is_directory]

    def protects(self, below: Place) -> bool:
        """Whether anything in a directory or container is immutable now."""
        inodes = self.rows.protected()
        if not inodes:
            return False
        for folder, _, names in os.walk(self.locate(below)):
            if any(os.lstat(os.path.join(folder, name)).st_ino in inodes for name in names):
                return True
        return False

    # Changing

    def create_container(self, name: str, attributes: Attributes) -> Entry | None:
        """The new container, or None where it exists."""
        return self.create_directory(Place(name, ""), attributes)

    def create_directory(self, place: Place, attributes: Attributes) -> Entry | None:
        """The new directory with its missing parents, or None where the name is taken."""
        path = self.locate(place)
        try:
            self._with_parents(place, lambda: os.mkdir(path))
        except FileExistsError:
            return None
        stat = os.lstat(path)
        self.rows.write(stat, place, attributes)
        return Entry(place, stat, attributes)

    def commit(
        self,
        place: Place,
        staged: Staged,
        attributes: Attributes,
        *,
        exclusive: bool,
        blocks: list[tuple[str, int]] | None = None,
    ) -> Entry | None:
        """Give a staged file its name; None where `exclusive` and the name is taken, even from outside.

        The attributes are written first: they belong to the inode, so bytes and attributes
        become visible in the same instant.
        """
        path = self.path_of(place)
        replaced = _inode(path)
        stat = os.lstat(staged.path)
        self.rows.write(stat, place, attributes)
        if blocks is not None:
            self.rows.write_committed_blocks(stat.st_ino, blocks)
        try:
            move = link_new if exclusive else os.rename
            self._with_parents(place, lambda: move(staged.path, path))
        except FileExistsError:
            self._abandon(staged, stat.st_ino)
            return None
        except BaseException:
            self._abandon(staged, stat.st_ino)
            raise
        if replaced is not None and replaced != stat.st_ino:
            self.rows.forget(replaced)
        self._sync_parent(path)
        return Entry(place, stat, attributes)

    def rename(self, source: Entry, destination: Place, *, exclusive: bool) -> Entry | None:
        """Move a file or whole directory in one step; None where `exclusive` and the name is taken."""
        old, new = self.locate(source.place), self.locate(destination)
        replaced = _inode(new)
        self.database.execute("BEGIN")
        try:
            if source.is_directory:
                self.rows.directories_moved(source.place, destination)
            (rename_new if exclusive else os.rename)(old, new)
        except FileExistsError:
            self.database.execute("ROLLBACK")
            return None
        except OSError as error:
            self.database.execute("ROLLBACK")
            raise _refusal(error) from error
        except BaseException:
            self.database.execute("ROLLBACK")
            raise
        self.database.execute("COMMIT")
        if replaced is not None and replaced != source.stat.st_ino:
            self.rows.forget(replaced)
        self._sync_parent(new)
        return Entry(destination, os.lstat(new), source.attributes)

    def write_attributes(self, entry: Entry, attributes: Attributes) -> None:
        self.rows.write(entry.stat, entry.place, attributes)

    def delete(self, entry: Entry) -> str | None:
        """Remove a file, or a directory with all below it at once; returns what is left to erase, if any."""
        path = self.locate(entry.place)
        self.staging.drop_blocks(entry.place)
        self.staging.drop_appends(entry.place)
        if not entry.is_directory:
            os.unlink(path)
            self.rows.forget(entry.stat.st_ino)
            self._sync_parent(path)
            return None
        trashed = os.path.join(self._trash, os.path.basename(self.staging.new_path()))
        os.rename(path, trashed)
        self.rows.forget(entry.stat.st_ino)
        return trashed

    def is_empty(self, entry: Entry) -> bool:
        with os.scandir(self.locate(entry.place)) as children:
            return next(children, None) is None

    # Details

    def _container(self, place: Place) -> str:
        return f"{self.root}/{place.container}"

    def _with_parents(self, place: Place, act: Callable[[], object]) -> None:
        try:
            try:
                act()
            except FileNotFoundError:
                if not os.path.isdir(self._container(place)):
                    raise StorageError("ContainerNotFound") from None
                os.makedirs(os.path.dirname(self.path_of(place)), exist_ok=True)
                act()
        except (NotADirectoryError, IsADirectoryError) as error:
            raise StorageError("PathConflict") from error
        except FileExistsError:
            if not os.path.isdir(os.path.dirname(self.path_of(place))):
                raise StorageError("PathConflict") from None
            raise
        except OSError as error:
            raise _refusal(error) from error

    def _abandon(self, staged: Staged, inode: int) -> None:
        self.rows.forget(inode)
        discard(staged.path)

    def _sync_parent(self, path: str) -> None:
        if self._fsync:
            descriptor = os.open(os.path.dirname(path), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _inode(path: str) -> int | None:
    try:
        return os.lstat(path).st_ino
    except (FileNotFoundError, NotADirectoryError):
        return None


def _refusal(error: OSError) -> Exception:
    """What a file system refuses by its nature, in the service's words; anything else stays a fault."""
    if error.errno in (errno.ENAMETOOLONG, errno.EILSEQ):
        return StorageError(
            "InvalidResourceName", "The file system of the data folder cannot hold this name."
        )
    if error.errno == errno.ELOOP:
        return StorageError("InvalidUri", "Symbolic links are not followed.")
    if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
        return StorageError("PathAlreadyExists")
    if error.errno == errno.EINVAL:
        return StorageError("InvalidRenameSourcePath")
    if error.errno in (errno.ENOTDIR, errno.EISDIR):
        return StorageError("PathConflict")
    return error
