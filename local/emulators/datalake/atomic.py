"""Giving a file a name that nobody has yet, in one call that cannot replace anything."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
_RENAME_EXCL = 4  # macOS


def _native() -> Callable[[bytes, bytes], int] | None:
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        rename = library.renameat2
        rename.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
        return lambda source, target: int(rename(_AT_FDCWD, source, _AT_FDCWD, target, _RENAME_NOREPLACE))
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        rename_mac = library.renamex_np
        rename_mac.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint]
        return lambda source, target: int(rename_mac(source, target, _RENAME_EXCL))
    return None


_rename_no_replace = _native()


def link_new(source: str, target: str) -> None:
    """Name a file that has only a temporary one; raises FileExistsError where the name is taken."""
    os.link(source, target)
    os.unlink(source)


def rename_new(source: str, target: str) -> None:
    """Rename a file or directory; raises FileExistsError where the name is taken."""
    if _rename_no_replace is not None:
        if _rename_no_replace(os.fsencode(source), os.fsencode(target)) == 0:
            return
        code = ctypes.get_errno()
        if code not in (errno.EINVAL, errno.ENOSYS) or os.path.realpath(target).startswith(source + os.sep):
            raise OSError(code, os.strerror(code), target)
    # No such call on this system: requests are still safe from each other, only a writer from outside is not.
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    os.rename(source, target)
