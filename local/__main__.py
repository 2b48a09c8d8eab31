"""`python3 -m local COMMAND`, or `python3 PATH/TO/galen/local COMMAND` from any directory.

This file is read by whatever `python3` is, so it keeps to syntax that an old one understands.
"""

import os
import sys

SUPPORTED = ((3, 11), (3, 12), (3, 13))


def refuse_other_pythons() -> None:
    """Ends the program with one clear sentence unless this interpreter is a supported one."""
    if sys.version_info[:2] in SUPPORTED:
        return
    found = [name for name in ("python%d.%d" % version for version in reversed(SUPPORTED)) if starts(name)]
    advice = "run it with %s, which is installed here" % found[0] if found else "install one of them"
    sys.stderr.write(
        "galen needs Python 3.11, 3.12 or 3.13 and this is Python %d.%d: %s.\n"
        % (sys.version_info[0], sys.version_info[1], advice)
    )
    sys.exit(2)


def starts(name: str) -> bool:
    """Whether a program of that name can be run; a version manager's stand-in for a missing one cannot."""
    import subprocess

    try:
        return subprocess.call([name, "-c", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


if __name__ == "__main__":
    refuse_other_pythons()
    checkout = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if not __package__:
        sys.path[0] = checkout  # started by path: the folder `local` itself must not shadow top-level names
    elif checkout not in sys.path:
        sys.path.insert(0, checkout)
    from local.bootstrap import main
    from local.process_start import start_lean

    start_lean()
    sys.exit(main(sys.argv[1:]))
