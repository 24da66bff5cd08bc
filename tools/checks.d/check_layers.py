# SPDX-License-Identifier: MIT
"""Who includes whom: the layers, the order inside core, and headers that stand alone.

The include roots of tools/build/layers.cmake already refuse most wrong includes. This covers
what they cannot: relative paths, system headers, the order inside a layer, the order in a file.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from common import LAYERS, ROOT, Check, blank_comments, files, lines_of, text_of

SEES = {"core": ("core",), "platform": ("platform",), "api": ("core", "platform", "api")}
PURE = set("stddef.h stdint.h stdbool.h stdatomic.h limits.h stdalign.h string.h".split())
SYSTEM_HEADERS = {
    "core": PURE,
    # Standard C beyond that, as far as it names no operating system.
    "api": PURE | set("errno.h inttypes.h stdarg.h stdio.h stdlib.h stdnoreturn.h".split()),
    "platform": None,  # whatever its system has
}
MARKER = "<!-- layers -->"
# At which libc may end a thread, of the calls that a platform may have a use for. Of fcntl() only locks are.
CANCELLATION_POINTS = (
    "clock_nanosleep close creat fdatasync fflush fgets fopen fprintf fputs fread fsync fwrite nanosleep open open64 openat"
    " pause poll ppoll pread preadv pselect pthread_cond_timedwait pthread_cond_wait pthread_join pthread_testcancel pwrite"
    " pwritev read readv select sem_wait sigsuspend sleep system usleep waitpid write writev"
).split()

check = Check("layers")


def includes_of(path):
    """(line, '<' or '"', name) of each #include."""
    for number, line in lines_of(path):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1), match.group(2)
        elif re.match(r"\s*#\s*include\b", line):
            check.fail(path, number, "an #include names a file, not a macro")


def check_target(path, layer, number, bracket, name):
    """One #include against what its layer may see."""
    if bracket == "<":
        allowed = SYSTEM_HEADERS[layer]
        if allowed is not None and name not in allowed:
            check.fail(path, number, f"{layer} may not include <{name}>")
        return
    parts = name.split("/")
    if ".." in parts or "." in parts:
        check.fail(path, number, f'"{name}" is a relative path: name the layer')
    elif len(parts) < 2 or parts[0] not in LAYERS:
        check.fail(path, number, f'"{name}" does not begin with its layer, as "{layer}/{name}" would')
    elif parts[0] not in SEES[layer]:
        check.fail(path, number, f"{layer} may not see {parts[0]}")
    elif not name.endswith(".h"):
        check.fail(path, number, f'"{name}" is not a header')


def code_begins(path):
    """The line of the first declaration: an #include behind it stands there for a reason."""
    for number, line in enumerate(blank_comments(text_of(path)).splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            return number
    return sys.maxsize


def check_order_in_file(path, layer, found):
    """Own header first, then ours, then the system's."""
    begins = code_begins(path)
    found = [include for include in found if include[0] < begins]
    own = f"{layer}/{path.stem}.h"
    if path.suffix == ".c" and (ROOT / own).exists() and (not found or found[0][2] != own):
        check.fail(path, found[0][0] if found else 1, f'the first #include is not its own "{own}"')
    brackets = [bracket for _, bracket, _ in found]
    for (number, bracket, name), before in zip(found[1:], brackets):
        if bracket == '"' and before == "<":
            check.fail(path, number, f'"{name}" stands after a system header: ours come first')


def check_cancellation(path):
    """A function of the platform with a cancellation point switches cancellation off."""
    point = re.compile(rf"(?<![\w.>])({'|'.join(CANCELLATION_POINTS)})\(")
    found, is_off, inside = [], False, False
    for number, line in enumerate(blank_comments(text_of(path)).splitlines(), 1):
        if line == "{":
            found, is_off, inside = [], False, True
        elif line == "}" and inside:
            for at, name in found if not is_off else []:
                check.fail(path, at, f"{name}() is a cancellation point: call it as platform/linux_calls.h does")
            inside = False
        elif inside:
            found += [(number, match.group(1)) for match in point.finditer(line)]
            is_off = is_off or "platform_cancel_disable(" in line


def module_order():
    """Core's modules, low to high, from the fenced block after the marker in core/README.md."""
    readme = ROOT / "core" / "README.md"
    if not readme.exists() or MARKER not in text_of(readme):
        check.fail(readme, 1, f"there is no list of core's modules: {MARKER} and a fenced block, low to high")
        return None
    text = text_of(readme)
    number = text[: text.index(MARKER)].count("\n") + 1
    block = re.match(r"\s*```\w*\n(.*?)```", text.split(MARKER, 1)[1], re.S)
    if not block:
        check.fail(readme, number, f"no fenced block follows {MARKER}")
        return None
    order = [line.split()[0] for line in block.group(1).splitlines() if line.strip()]
    for name in sorted({name for name in order if order.count(name) > 1}):
        check.fail(readme, number, f"the list of modules names {name} twice")
    for name in order:
        if not list((ROOT / "core").glob(f"{name}.[ch]")):
            check.fail(readme, number, f"the list of modules names {name}, and core/ has no such file")
    return order


def check_order_in_core(path, found, order):
    """A module of core sees what stands above it in the list of core/README.md, and itself."""
    if path.stem not in order:
        check.fail(path, 1, f"module {path.stem} is not in the list of core/README.md")
        return
    for number, bracket, name in found:
        seen = Path(name).stem
        if bracket == '"' and name.startswith("core/") and seen != path.stem and seen in order:
            if order.index(seen) > order.index(path.stem):
                check.fail(path, number, f"{path.stem} may not see {seen}, which is higher in core/README.md's list")


def check_stands_alone(headers):
    """Each header compiles with nothing before it, and twice."""
    compiler = shutil.which("cc")
    if not compiler:
        sys.exit("check layers: there is no C compiler named cc")
    with tempfile.TemporaryDirectory() as directory:
        for layer in LAYERS:
            for seen in SEES[layer]:
                link = Path(directory, layer, seen)
                link.parent.mkdir(exist_ok=True)
                link.symlink_to(ROOT / seen)
        for path in headers:
            layer = path.parent.name
            name = f"{layer}/{path.name}"
            command = [compiler, "-x", "c", "-", "-std=c11", "-fsyntax-only", "-DFT_ASSERT=1"]
            command += ["-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{directory}/{layer}"]
            if layer != "core":
                command.append("-D_GNU_SOURCE")
            done = subprocess.run(
                command, input=f'#include "{name}"\n' * 2 + "typedef int nothing;\n",
                capture_output=True, text=True, check=False,
                cwd=directory,  # where no other core/ is found first
            )
            if done.returncode != 0:
                match = re.search(r":(\d+):\d+: (?:fatal )?error: (.*)", done.stderr)
                line, cause = match.groups() if match else (1, done.stderr.strip())
                check.fail(path, line, f"does not compile alone: {cause}")


def main():
    order = module_order()
    headers, count = [], 0
    for path in files(LAYERS, {".c", ".h"}):
        layer = path.relative_to(ROOT).parts[0]
        if path.parent != ROOT / layer:
            check.fail(path, 1, f"a source of {layer} lies in {layer}/ itself")
            continue
        count += 1
        if path.suffix == ".h":
            headers.append(path)
        found = list(includes_of(path))
        for number, bracket, name in found:
            check_target(path, layer, number, bracket, name)
        check_order_in_file(path, layer, found)
        if layer == "platform":
            check_cancellation(path)
        if layer == "core" and order is not None:
            check_order_in_core(path, found, order)
    check_stands_alone(headers)
    check.finish(f"{count} files, {len(headers)} headers compiled alone")


main()
