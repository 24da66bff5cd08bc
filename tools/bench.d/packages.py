# SPDX-License-Identifier: MIT
"""Debian packages: which version is installed, and installing what is missing where that is allowed."""
import shutil
import subprocess
import sys
from pathlib import Path

SETUP = Path(__file__).resolve().parent.parent / "build" / "setup.sh"

# Whether install() may install, or only name what is missing.
may_install = True

# The package that brings a command.
PACKAGE_OF = {
    "g++": "g++",
    "gcc": "gcc",
    "git": "git",
    "lua5.4": "lua5.4",
    "node": "nodejs",
    "perl": "perl",
    "php": "php-cli",
    "python3": "python3",
    "readelf": "binutils",
    "redis-server": "redis-server",
    "sqlite3": "sqlite3",
    "strace": "strace",
    "valgrind": "valgrind",
    "z3": "z3",
    "zstd": "zstd",
}


def version(package):
    """The installed version, or None."""
    if shutil.which("dpkg-query") is None:
        return None
    answer = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package],
                            capture_output=True, text=True)
    return answer.stdout.strip() or None


def install(packages):
    """Installs them as the other tools do; False when that was not possible, which has then been said."""
    packages = sorted(set(packages))
    if not packages:
        return True
    if not may_install:
        print("missing packages: " + " ".join(packages), file=sys.stderr)
        return False
    script = f'. "{SETUP}"; ft_missing=("$@"); install_missing'
    return subprocess.run(["bash", "-c", script, "bash", *packages], stdout=sys.stderr).returncode == 0


def need_commands(*commands):
    """Installs the packages of commands that are missing; True when all are there at last."""
    missing = [PACKAGE_OF[c] for c in commands if shutil.which(c) is None]
    install(missing)
    return all(shutil.which(c) for c in commands)
