# SPDX-License-Identifier: MIT
"""Who is measured: ours, glibc, Debian's, and whom the command line names."""
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import packages

OURS = "ours"
GLIBC = "glibc"


@dataclass(frozen=True)
class Allocator:
    name: str
    path: str | None  # what is preloaded; None: nothing
    version: str


@dataclass(frozen=True)
class Debian:
    name: str
    soname: str
    package: str
    is_usual: bool = True  # measured without being asked for


DEBIAN_PEERS = [
    Debian("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
    Debian("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
    Debian("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
    Debian("tbbmalloc", "libtbbmalloc_proxy.so.2", "libtbbmalloc2", is_usual=False),
]


def _library_directories():
    triplet = subprocess.run(["gcc", "-print-multiarch"], capture_output=True, text=True).stdout.strip()
    return [Path(p) for base in ("/usr/lib", "/lib") for p in (f"{base}/{triplet}", base)] + [Path("/usr/local/lib")]


def find_library(soname):
    """Where the loader finds a library, or None."""
    try:
        known = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True).stdout
    except FileNotFoundError:  # an ordinary user's PATH may lack /sbin
        known = ""
    # Only 64-bit lines name the architecture after libc6.
    entry = re.search(rf"^\s*{re.escape(soname)} \(libc6,[^)]*\) => (\S+)", known, re.M)
    if entry:
        return entry.group(1)
    candidates = (directory / soname for directory in _library_directories())
    return next((str(path) for path in candidates if path.exists()), None)


def _debian_peers(only):
    wanted = [peer for peer in DEBIAN_PEERS if (peer.name in only if only else peer.is_usual)]
    packages.install([peer.package for peer in wanted if find_library(peer.soname) is None])
    for peer in wanted:
        path = find_library(peer.soname)
        if path is None:
            print(f"{peer.name} is left out: package {peer.package} is not installed", file=sys.stderr)
            continue
        version = packages.version(peer.package) or "not from a package"
        yield Allocator(peer.name, path, f"{peer.package} {version}")


def may_fail(name):
    """Whether what fails under this allocator is its own matter: ours, with options too, and glibc's always have results."""
    return name != GLIBC and name.partition(":")[0] != OURS


def _named(text):
    name, _, path = text.partition("=")
    if not name or not Path(path).is_file():
        sys.exit(f"bench: --lib wants name=path of a library that exists, not {text!r}")
    return Allocator(name, os.path.abspath(path), path)


def _our_version(root, path):
    described = subprocess.run(["git", "-C", str(root), "describe", "--always", "--dirty"],
                               capture_output=True, text=True).stdout.strip()
    newest = max((source.stat().st_mtime for layer in ("core", "platform", "api")
                  for source in (root / layer).glob("*.[ch]")), default=0)
    stale = " (older than the sources)" if path.stat().st_mtime < newest else ""
    place = os.path.relpath(path, root) if path.is_relative_to(root) else path
    return f"{place} {described}{stale}"


def ours(root, path):
    """Our library, or an end with the words that say how to get it."""
    path = Path(path).absolute()
    if not path.is_file():
        sys.exit(f"bench: there is no {os.path.relpath(path)}. Build it with `tools/test`, or with\n"
                 "  cmake -S . -B build/release -DCMAKE_BUILD_TYPE=Release && cmake --build build/release\n"
                 "or name another library by --ours PATH.")
    return Allocator(OURS, str(path), _our_version(root, path))


PRESETS = ("speed", "memory", "hardened", "debug")


# What watches calls, from the cheapest on.
OPTIONS = {
    "history": "history=1000", "leaks": "leaks=1", "perturb": "perturb=165", "stacks=512K": "leaks=1,stacks=512K",
    "stacks=all": "leaks=1,stacks=all", "copy:512K": "leaks=1,stacks=copy:512K", "copy": "leaks=1,stacks=copy",
    "debug": "debug=1",
}


def _asking(us, directory, name, options):
    """Ours with options, which a library beside it asks for as a program would: ft_malloc_options."""
    library = Path(directory, f"asks-{re.sub('[^a-z0-9]+', '-', options)}.so")
    source = f'const char *ft_malloc_options = "{options}";'
    subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=source, text=True, check=True)
    return Allocator(f"{us.name}:{name}", f"{us.path}:{library}", options)


def presets(us, directory):
    """Ours with each preset."""
    for name in PRESETS:
        # The reports of debug are not what is measured.
        yield _asking(us, directory, name, f"preset={name}" + (",output=/dev/null" if name == "debug" else ""))


def options(us, directory):
    """Ours with each option that watches calls. What they write goes nowhere."""
    for name, said in OPTIONS.items():
        yield _asking(us, directory, name, f"{said},output=/dev/null")


def peers(named, only=None):
    """glibc, then the packaged ones, or those of them that only names, then those of --lib."""
    libc = packages.version("libc6") or os.confstr("CS_GNU_LIBC_VERSION")
    known = [GLIBC, *(peer.name for peer in DEBIAN_PEERS)]
    unknown = [name for name in only or [] if name not in known]
    if unknown:
        sys.exit(f"bench: no allocator {unknown[0]!r}; there are " + ", ".join(known))
    return [Allocator(GLIBC, None, f"libc6 {libc}"), *_debian_peers(only), *map(_named, named)]
