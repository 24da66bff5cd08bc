#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks a copy of the tree on purpose, and demands that the checks notice.

    break_the_tree.py CHECK

A check that never fails is worse than none, and an exit status lost in a pipe makes one. So for
each rule of a check there is a break here: the unbroken copy must pass first, the broken one must
fail with the sentence that names the fault, and then the copy is mended for the next break.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = 77


class Tree:
    """A copy of the tree that remembers what was changed in it."""

    def __init__(self, root):
        self.root = root
        self.before = {}

        def ignored(directory, names):
            """What is built or not ours lies at the top; tools/build is another thing."""
            return {"build", ".git", "shared"} & set(names) if Path(directory) == ROOT else set()

        shutil.copytree(ROOT, root, ignore=ignored, symlinks=True)

    def write(self, path, text):
        file = self.root / path
        self.before.setdefault(file, file.read_text(encoding="utf-8") if file.exists() else None)
        file.write_text(text, encoding="utf-8")

    def read(self, path):
        return (self.root / path).read_text(encoding="utf-8")

    def append(self, path, text):
        self.write(path, self.read(path) + text)

    def replace(self, path, old, new):
        text = self.read(path)
        if old not in text:
            sys.exit(f"break_the_tree.py: {path} no longer holds {old!r}: bring the break up to date")
        self.write(path, text.replace(old, new, 1))

    def include(self, path, line):
        """Puts a line behind the file's last #include."""
        lines = self.read(path).splitlines(keepends=True)
        last = max(i for i, text in enumerate(lines) if text.startswith("#include"))
        self.write(path, "".join(lines[: last + 1] + [line + "\n"] + lines[last + 1 :]))

    def mend(self):
        for file, text in self.before.items():
            if text is None:
                file.unlink()
            else:
                file.write_text(text, encoding="utf-8")
        self.before = {}

    def first(self, pattern):
        """A file to break: which one does not matter."""
        return str(sorted(self.root.glob(pattern))[0].relative_to(self.root))

    def core_source(self):
        """A source of core with a header of its own."""
        for path in sorted((self.root / "core").glob("*.c")):
            if path.with_suffix(".h").exists():
                return f"core/{path.name}"
        sys.exit("break_the_tree.py: core/ has no source with a header of its own")

    def modules(self):
        """Core's modules, low to high."""
        block = re.search(r"<!-- layers -->\s*```\w*\n(.*?)```", self.read("core/README.md"), re.S)
        return [line.split()[0] for line in block.group(1).splitlines() if line.strip()]


def lowest_includes_highest(tree):
    modules = tree.modules()
    low = next(name for name in modules if (tree.root / f"core/{name}.h").exists())
    high = next(name for name in reversed(modules) if (tree.root / f"core/{name}.h").exists())
    path = f"core/{low}.h"
    tree.write(path, tree.read(path).replace("\n#", f'\n#include "core/{high}.h"\n#', 1))


def own_header_second(tree):
    path = tree.core_source()
    name = Path(path).stem
    tree.replace(path, f'#include "core/{name}.h"', f'#include <stddef.h>\n#include "core/{name}.h"')


def without_first_line(tree):
    path = tree.core_source()
    tree.write(path, tree.read(path).split("\n", 1)[1])


def function_of(name, body, returns="int"):
    return f"\n{returns} {name}(void);\n{returns} {name}(void)\n{{\n    {body}\n}}\n"


def platform_calls_core(tree):
    tree.append(tree.core_source(), function_of("stray_of_core", "return 1;"))
    tree.append(tree.first("platform/*.c"), "\nint stray_of_core(void);\n" + function_of("stray", "return stray_of_core();"))


def exports_too_much(tree):
    tree.replace("tools/build/libraries.cmake", "-Wl,--version-script=${version_script}", "-Wl,-z,now")
    tree.append("api/options.c", '\n__attribute__((visibility("default")))' + function_of("stray", "return 1;"))


def undocumented_option(tree):
    row = '{.name = "stray", .values = {"on"}, .fallback = ANSWER_ABORT},\n    // x\n    '
    tree.replace("api/options_table.c", '{.name = "', row + '{.name = "')


def at_start(body, declarations=""):
    """Code that runs when the library is loaded."""
    return f"\n{declarations}\n__attribute__((constructor)) static void stray(void)\n{{\n    {body}\n}}\n"


CORE = Tree.core_source
GETPPID = "\nint getppid(void);\n" + function_of("stray", "return getppid();")

# check -> (what is broken, how, what the check must say)
BREAKS = {
    "layers": [
        ("core includes by a relative path",
         lambda tree: tree.include(CORE(tree), '#include "../core/check.h"'), "is a relative path"),
        ("core includes without naming the layer",
         lambda tree: tree.include(CORE(tree), '#include "stray.h"'), "does not begin with its layer"),
        ("core includes a header of the system",
         lambda tree: tree.include(CORE(tree), "#include <stdio.h>"), "core may not include <stdio.h>"),
        ("the platform has a cancellation point",
         lambda tree: tree.append("platform/linux_output.c", function_of("stray", "return (int)read(0, NULL, 0);")),
         r"read\(\) is a cancellation point"),
        ("core sees the platform",
         lambda tree: tree.include(CORE(tree), '#include "platform/platform.h"'), "core may not see platform"),
        ("core sees the api",
         lambda tree: tree.include(CORE(tree), '#include "api/ft_malloc.h"'), "core may not see api"),
        ("platform sees core",
         lambda tree: tree.include(tree.first("platform/*.c"), f'#include "{tree.first("core/*.h")}"'),
         "platform may not see core"),
        ("api names the operating system",
         lambda tree: tree.include(tree.first("api/*.c"), "#include <sys/mman.h>"),
         r"api may not include <sys/mman\.h>"),
        ("a low module of core sees a high one", lowest_includes_highest, r"may not see \w+, which is higher"),
        ("a module of core is not in the list",
         lambda tree: tree.write("core/stray.h", "// SPDX-License-Identifier: MIT\n"),
         "module stray is not in the list"),
        ("the list names a module that is not there",
         lambda tree: tree.replace("core/README.md", "<!-- layers -->\n```", "<!-- layers -->\n```\nstray\n```"),
         "names stray, and core/ has no such file"),
        ("the list of modules is gone",
         lambda tree: tree.replace("core/README.md", "<!-- layers -->", ""), "there is no list of core's modules"),
        ("a header leans on what was included before it",
         lambda tree: tree.append(tree.first("core/*.h"), "\nint stray(stray_type number);\n"), "does not compile alone"),
        ("a header cannot be included twice",
         lambda tree: tree.append(tree.first("core/*.h"), "\nenum stray { STRAY };\n"), "does not compile alone"),
        ("a source's own header comes second", own_header_second, "the first #include is not its own"),
        ("a header of ours comes after the system's",
         lambda tree: tree.include(CORE(tree), f'#include <stddef.h>\n#include "{tree.first("core/*.h")}"'),
         "stands after a system header"),
    ],
    "style": [
        ("a source has no licence line", without_first_line, "does not begin with SPDX"),
        ("a script has no licence line",
         lambda tree: tree.write("tools/stray", "#!/bin/sh\n"), "does not begin with SPDX"),
        ("a function-like macro",
         lambda tree: tree.append(CORE(tree), "\n#define STRAY(x) ((x) + 1)\n"), "STRAY is a function-like macro"),
        ("a left-over", lambda tree: tree.append(CORE(tree), "\n// TO" "DO: later\n"), "a left-over"),
        ("a tab", lambda tree: tree.append("README.md", "\n\ttext\n"), "a tab"),
        ("a blank at the end of a line", lambda tree: tree.append("README.md", "\ntext \n"), "a blank at the end"),
        ("a declaration of core without a contract",
         lambda tree: tree.append(tree.first("core/*.h"), "\n// Says little.\nint stray(int number);\n"),
         "stray does not say who may call it"),
        ("a patch leaves a file behind",
         lambda tree: tree.write("core/zone.c.orig", "// SPDX-License-Identifier: MIT\n"), "is no file of a layer"),
        ("a source in a form of its own",
         lambda tree: tree.append(CORE(tree), "\nstatic const int stray=1 ;\n"), "clang-format"),
    ],
    "docs": [
        ("an option is not documented", undocumented_option, "option stray is not in README.md"),
        ("an option is documented and not there",
         lambda tree: tree.append("README.md", "\n| Option | |\n|---|---|\n| `stray` | |\n"),
         "option stray is not in the table of api/options_table.c"),
        ("an option's default is told wrongly",
         lambda tree: tree.replace("api/options_table.c", ".fallback = ANSWER_ABORT", ".fallback = ANSWER_WARN"),
         r"the row of option \w+ should be"),
        ("the table of options is in another form",
         lambda tree: tree.replace("api/options_table.c", "{.name =", "{ .at = 0, .name ="),
         "rows that this check cannot read"),
        ("an exported symbol is not named",
         lambda tree: tree.append("api/exports.list", "stray_symbol both\n"), "stray_symbol is named neither"),
        ("a link leads nowhere", lambda tree: tree.append("README.md", "\n[text](stray.md)\n"), r"stray\.md leads nowhere"),
        ("the place of this copy",
         lambda tree: tree.append("README.md", f"\n    cd {tree.root}/build\n"), "a path of one machine"),
        ("somebody's home", lambda tree: tree.append("README.md", "\n/ho" "me/somebody/x\n"), "a path of one machine"),
    ],
    "symbols": [
        ("core calls the system", lambda tree: tree.append(CORE(tree), GETPPID), "core may not need the symbol getppid"),
        ("core has a variable",
         lambda tree: tree.append(CORE(tree), "\nextern int stray;\nint stray;\n"), r"core has writable data: \d+ bytes in \.bss"),
        ("core has a variable with a value",
         lambda tree: tree.append(CORE(tree), "\nextern int stray;\nint stray = 1;\n"), r"core has writable data: \d+ bytes in \.data"),
        ("core has a variable for each thread",
         lambda tree: tree.append(CORE(tree), "\nextern _Thread_local int stray;\n_Thread_local int stray = 1;\n"),
         r"core has writable data: \d+ bytes in \.tdata"),
        ("platform calls what is not on its list",
         lambda tree: tree.append(tree.first("platform/*.c"), GETPPID), "platform may not need the symbol getppid"),
        ("platform calls core", platform_calls_core, "platform may not need the symbol stray_of_core"),
        ("api calls the system", lambda tree: tree.append("api/options.c", GETPPID), "api may not need the symbol getppid"),
        ("a listed symbol is not exported",
         lambda tree: tree.append("api/exports.list", "stray_symbol both\n"),
         r"libft_malloc\.so does not export stray_symbol"),
        ("a symbol is exported that is not listed", exports_too_much, r"libft_malloc\.so exports stray"),
        ("static TLS grows",
         lambda tree: tree.append(tree.first("platform/*.c"),
                                  "\nextern _Thread_local char stray[100];\n_Thread_local char stray[100];\n"),
         "bytes of static TLS, more than 64"),
        ("a library is needed that was not",
         lambda tree: tree.replace("tools/build/libraries.cmake", "-Wl,-z,now", "-Wl,-z,now,--no-as-needed,-lm"),
         r"needs the library libm\."),
        ("the archive shows what is hidden",
         lambda tree: tree.replace("tools/build/libraries.cmake", "--localize-hidden", "--strip-debug"),
         r"libft_malloc\.a.* leaves \w+ visible"),
        ("the archive shows the core's functions",
         lambda tree: tree.replace("CMakeLists.txt", "ft_malloc HIDES ft_core_*", "ft_malloc"),
         r"libft_malloc\.a.* leaves ft_core_\w+ visible"),
        ("the archive is of many objects",
         lambda tree: tree.replace("tools/build/libraries.cmake", "STATIC ${object}", "STATIC ${object} ${arg_UNPARSED_ARGUMENTS}"),
         r"libft_malloc\.a.* objects, not one"),
        ("the archive carries no machine code",
         lambda tree: tree.replace("tools/build/layers.cmake", "-fno-lto", "-flto"),
         r"libft_malloc\.a.* carries a compiler's intermediate code"),
    ],
    "system": [
        ("a system call that is not ours",
         lambda tree: tree.append(tree.first("platform/*.c"), at_start("getppid();", "int getppid(void);")),
         "makes the system call getppid"),
        ("the break is moved",
         lambda tree: tree.append(tree.first("platform/*.c"), at_start("sbrk(4096);", "void *sbrk(long);")),
         "moves the break"),
        ("memory calls at every start",
         lambda tree: tree.append(tree.first("platform/*.c"), at_start(
             "for (int i = 0; i < 32; i++) {\n        mmap(NULL, 1, 0, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n    }")),
         r"memory calls in true"),
    ],
}
NEEDS_BUILD = {"symbols", "system"}
LIBRARIES = ["ft_core", "ft_malloc", "ft_malloc_static", "ft_malloc_prefixed", "ft_malloc_prefixed_static"]
# A check that passes and comes after it: its status must not cover the failure.
AFTER = {"layers": ["docs"], "style": ["docs"], "docs": ["layers"]}


def build(tree):
    """Builds the copy's libraries: the quickest build that is still a plain one."""
    directory = tree.root / "build" / "release"
    commands = [["cmake", "--build", directory, "-j2", "--target", *LIBRARIES]]
    if not (directory / "CMakeCache.txt").exists():
        generator = ["-G", "Ninja"] if shutil.which("ninja") else []
        flags = ["-DFT_TESTS=OFF", "-DCMAKE_C_FLAGS_RELEASE=-O1", f"-DCMAKE_C_COMPILER={os.environ.get('CC', 'cc')}"]
        commands.insert(0, ["cmake", "-S", tree.root, "-B", directory, *generator, *flags])
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"break_the_tree.py: the copy does not build:\n{done.stdout}{done.stderr}")


def run_checks(tree, *names):
    if NEEDS_BUILD & set(names):
        build(tree)
    command = [tree.root / "tools" / "check", "--build", tree.root / "build" / "release", *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def main(check):
    with tempfile.TemporaryDirectory(prefix="ft_malloc_broken_") as directory:
        tree = Tree(Path(directory).resolve() / "tree")
        status, output = run_checks(tree, check)
        if status == SKIPPED:
            print(output, end="")
            return SKIPPED
        if status != 0:
            print(f"FAILED: the unbroken copy does not pass:\n{output}")
            return 1
        failures = 0
        for sentence, apply, expected in BREAKS[check]:
            apply(tree)
            status, output = run_checks(tree, check, *AFTER.get(check, ()))
            noticed = status == 1 and re.search(expected, output)
            print(f"{'noticed' if noticed else 'FAILED'}: {sentence}")
            if not noticed:
                failures += 1
                print(f"  exit status {status}, expected /{expected}/ in:\n{output}")
            tree.mend()
        return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in BREAKS:
        sys.exit(f"usage: break_the_tree.py {'|'.join(BREAKS)}")
    sys.exit(main(sys.argv[1]))
