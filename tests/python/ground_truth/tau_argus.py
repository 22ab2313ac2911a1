"""The engine of pytauargus on one file, as a process of its own: it keeps state from call to call,
writes logs where it stands, and can hang beyond its own limit, which is in minutes.

    python tau_argus.py optimise table.jj optimum.jj    exit status 0 if the optimum was found
    python tau_argus.py audit table.jj                  what an attacker finds, as JSON
"""

import json
import os
import subprocess
import sys

SECONDS_MAX = 90
MINUTES = 1


def run(*arguments):
    """What the process printed; None if it failed or didn't end in time."""
    try:
        return subprocess.run(
            [sys.executable, __file__, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS_MAX,
            check=True,
            text=True,
        ).stdout
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return None


def main(verb, source, *target):
    from pytauargus._tauargus import HiTaSCtrl, audit_jj

    os.chdir(os.path.dirname(source))
    if verb == "optimise":
        return HiTaSCtrl().full_jj(source, *target, MINUTES)
    print(json.dumps([dict(row) for row in audit_jj(source)]))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
