# SPDX-License-Identifier: MIT
"""What the objects and libraries of a build need, hold and export.

Read from a plain release build: assertions and sanitizers bring symbols of their own.
"""

import re
import sys
from functools import lru_cache
from pathlib import Path

from common import BUILD, ROOT, Check, exports, output_of, text_of, words_of_list

HERE = Path(__file__).parent
CORE_MAY_NEED = {"memcpy", "memset", "memmove", "memcmp"}
# Not a symbol anybody defines in a source: the linker's own.
LINKER_SYMBOLS = {"_GLOBAL_OFFSET_TABLE_"}
# What the compiler's start files put into every shared library, and what glibc's part of pthread_atfork there needs.
START_SYMBOLS = {
    "__cxa_finalize", "__gmon_start__", "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable",
    "__register_atfork",
}
LIBRARIES_NEEDED = re.compile(r"libc\.|ld-linux|ld-musl")
STATIC_TLS_MAX = 64

check = Check("symbols")


def symbols_of(path, *options):
    """The names nm lists, without versions."""
    listing = output_of("nm", "--format=posix", *options, path)
    return {
        line.split()[0].split("@")[0]
        for line in listing.splitlines()
        if line.strip() and not line.endswith(":")
    } - LINKER_SYMBOLS


@lru_cache(maxsize=None)
def symbols_by_object(paths, *options):
    """{object: the names that nm lists of it}, by one call for all of them."""
    symbols = {path: set() for path in paths}
    for line in output_of("nm", "--format=posix", "--print-file-name", *options, *paths).splitlines():
        path, _, rest = line.partition(": ")
        symbols[Path(path)].add(rest.split()[0].split("@")[0])
    return {path: names - LINKER_SYMBOLS for path, names in symbols.items()}


def defined_by(paths):
    """The names that some of these objects define for others."""
    return set().union(*symbols_by_object(tuple(paths), "--defined-only", "--extern-only").values())


def objects_by_layer():
    listing = BUILD / "objects.list"
    if not listing.exists():
        sys.exit(f"check symbols: {BUILD} holds no build (no objects.list)")
    objects = {"core": [], "platform": [], "api": []}
    for line in text_of(listing).splitlines():
        layer, _, path = line.partition(" ")
        if path:
            objects[layer].append(Path(path))
    for layer, paths in objects.items():
        if not paths:
            sys.exit(f"check symbols: {listing} names no object of {layer}")
    return objects


def source_of(path, layer):
    """core/zone.c.o -> core/zone.c"""
    return f"{layer}/{path.name.removesuffix('.o')}"


def check_core_state(paths):
    """No writable byte: by section sizes, as nm shows a table of const pointers as `d` too."""
    path = None
    for line in output_of("size", "--format=sysv", "-d", *paths).splitlines():
        if line.rstrip().endswith(" :"):
            path = Path(line.rstrip().removesuffix(" :").rstrip())
        match = re.match(r"(\.(?:data|bss|tdata|tbss)\b\S*)\s+(\d+)\s", line)
        # Relocated once at load, and read-only from then on.
        if match and int(match.group(2)) and not match.group(1).startswith(".data.rel.ro"):
            check.fail(source_of(path, "core"), 1,
                       f"core has writable data: {match.group(2)} bytes in {match.group(1)}")


def check_layer(objects, layer, may_need):
    """What the layer needs from outside itself, object by object, so that a finding names a file."""
    own = defined_by(objects[layer])
    for path, needed in symbols_by_object(tuple(objects[layer]), "--undefined-only").items():
        for name in sorted(needed - own - may_need):
            check.fail(source_of(path, layer), 1, f"{layer} may not need the symbol {name}")


def check_exports(library, expected, listed_by):
    exported = symbols_of(library, "--dynamic", "--defined-only", "--extern-only")
    for name in sorted(exported - expected):
        check.fail(listed_by, 1, f"{library.name} exports {name}, which the list does not name")
    for name in sorted(expected - exported):
        check.fail(listed_by, 1, f"{library.name} does not export {name}")


def check_shared(library, expected, may_need):
    check_exports(library, expected, "api/exports.list")
    for name in sorted(symbols_of(library, "--dynamic", "--undefined-only") - may_need):
        check.fail(library.name, 1, f"needs the symbol {name}, which no list allows")
    for name in re.findall(r"\(NEEDED\).*\[(.*)\]", output_of("readelf", "-dW", library)):
        if not LIBRARIES_NEEDED.match(name):
            check.fail(library.name, 1, f"needs the library {name}")
    # Type Offset VirtAddr PhysAddr FileSiz MemSiz …
    tls = re.search(r"^\s*TLS(?:\s+0x[0-9a-f]+){4}\s+0x([0-9a-f]+)",
                    output_of("readelf", "-lW", library), re.M)
    if tls and int(tls.group(1), 16) > STATIC_TLS_MAX:
        check.fail(library.name, 1,
                   f"has {int(tls.group(1), 16)} bytes of static TLS, more than {STATIC_TLS_MAX}")


def check_archive(archive, expected):
    members = output_of("ar", "t", archive).split()
    if len(members) != 1:
        check.fail(archive.name, 1, f"holds {len(members)} objects, not one")
    defined = symbols_of(archive, "--defined-only", "--extern-only")
    for name in sorted(defined - expected):
        check.fail(archive.name, 1, f"leaves {name} visible to the program it is linked to")
    for name in sorted(expected - defined):
        check.fail(archive.name, 1, f"does not define {name}")
    if re.search(r"\.gnu\.lto_|\.llvmbc|\.llvm\.lto", output_of("readelf", "-SW", archive)):
        check.fail(archive.name, 1, "carries a compiler's intermediate code")


def main():
    objects = objects_by_layer()
    platform_needs = set(words_of_list(HERE / "platform_symbols.list"))
    api_needs = set(words_of_list(HERE / "api_symbols.list"))

    core, platform, api = (defined_by(objects[layer]) for layer in ("core", "platform", "api"))
    # The platform calls nothing of ours but what its own header says that its user provides.
    header = text_of(ROOT / "platform" / "platform.h")
    provided = {name for name in core | api
                if name.startswith("platform_") and re.search(rf"\b{name}\b", header)}
    for name in sorted((core | api) & platform_needs):
        check.fail("tools/checks.d/platform_symbols.list", 1, f"{name} is a symbol of ours")

    check_layer(objects, "core", CORE_MAY_NEED)
    check_core_state(objects["core"])
    check_layer(objects, "platform", platform_needs | provided)
    check_layer(objects, "api", api_needs | core | platform)

    rows = exports()
    names = {name for _, name, _ in rows}
    prefixed = {f"ft_{name}" for _, name, kind in rows if kind == "both"}
    prefixed |= {name for _, name, kind in rows if kind == "own"}
    outside = CORE_MAY_NEED | platform_needs | api_needs | START_SYMBOLS
    check_shared(BUILD / "libft_malloc.so", names, outside)
    check_shared(BUILD / "libft_malloc_prefixed.so", prefixed, outside)
    check_archive(BUILD / "libft_malloc.a", names)
    check_archive(BUILD / "libft_malloc_prefixed.a", prefixed)
    check.finish(f"{sum(map(len, objects.values()))} objects, 4 libraries, {len(names)} exports")


main()
