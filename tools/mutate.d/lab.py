# SPDX-License-Identifier: MIT
"""Where mutants are made and tried: the core as a shared library, the unit tests as programs on it.

The tree is copied first, so that it may be edited meanwhile. Of a mutant, only the objects that its file goes
into are compiled anew, a test only when its turn comes.
"""
import concurrent.futures
import hashlib
import json
import os
import resource
import shutil
import subprocess
import threading
from pathlib import Path

FLAGS = ["-std=c11", "-O0", "-w", "-fPIC", "-DFT_ASSERT=1"]
LIBRARY = "libft_core_mutant.so"
CPU_SECONDS = 2  # beside ten times what the test takes; processor time, so that a busy machine counts for nothing
WALL_SECONDS = 120  # what waits for ever is ended, too
MEMORY_KIB = 8 << 20


class Unbuildable(Exception):
    """The sources, as they are, do not compile or do not pass."""


def _run(command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, **options)


class Lab:
    def __init__(self, top, directory, jobs):
        self.directory, self.jobs = directory, jobs
        self.tree, self.base = directory / "tree", directory / "base"
        self.compiler = os.environ.get("CC", "cc")
        self.version = _run([self.compiler, "--version"]).stdout
        self.fixed_addresses = ["setarch", "-R"] if _run(["setarch", "-R", "true"]).returncode == 0 else []
        self.slots = threading.local()
        self.slot_count = 0
        self.lock = threading.Lock()
        self._copy(top)

    def _copy(self, top):
        wanted = set()
        for part in ("core", "tests/core"):
            for source in sorted((top / part).glob("*.[ch]")):
                copy = self.tree / part / source.name
                wanted.add(copy)
                copy.parent.mkdir(parents=True, exist_ok=True)
                if not copy.exists() or copy.read_bytes() != source.read_bytes():
                    shutil.copyfile(source, copy)
        for copy in self.tree.rglob("*.[ch]"):
            if copy not in wanted:
                copy.unlink()

    # ---- compiling ------------------------------------------------------------------------------

    def _compile(self, source, target, includes=()):
        roots = [f"-I{root}" for root in (*includes, self.tree)]
        return _run([self.compiler, *FLAGS, *roots, "-MMD", "-MF", target.with_suffix(".d"),
                     "-c", source, "-o", target])

    def _dependencies(self, target):
        words = target.with_suffix(".d").read_text().replace("\\\n", " ").split()[1:]
        return [Path(word) for word in words if Path(word).is_relative_to(self.tree)]

    def _key(self, target):
        """What an object was made of; it is made again when that has changed."""
        key = hashlib.sha256(" ".join([self.version, *FLAGS]).encode())
        for path in self._dependencies(target):
            key.update(str(path).encode() + path.read_bytes())
        return key.hexdigest()

    def _base_object(self, source):
        target = self.base / source.relative_to(self.tree).parent / (source.stem + ".o")
        stamp = target.with_suffix(".key")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if stamp.read_text() == self._key(target):
                return target
        except FileNotFoundError:
            pass
        stamp.unlink(missing_ok=True)
        done = self._compile(source, target)
        if done.returncode:
            raise Unbuildable(f"{source.relative_to(self.tree)} does not compile:\n{done.stderr}")
        stamp.write_text(self._key(target))
        return target

    def _link_library(self, objects, directory):
        return _run([self.compiler, "-shared", "-o", directory / LIBRARY, *objects])

    def _link_test(self, objects, target):
        return _run([self.compiler, "-o", target, *objects, f"-L{self.base}", f"-l:{LIBRARY}", "-lcmocka"])

    def build(self):
        """Compiles everything as it is, and runs it."""
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            core = sorted((self.tree / "core").glob("*.c"))
            tests = sorted((self.tree / "tests/core").glob("*.c"))
            objects = list(pool.map(self._base_object, [*core, *tests]))
            self.core = objects[: len(core)]
            others = objects[len(core):]
            self.support = [path for path in others if not path.name.startswith("test_")]
            self.tests = [path for path in others if path.name.startswith("test_")]
            self._demand(self._link_library(self.core, self.base))
            for done in pool.map(lambda test: self._link_test([test, *self.support], test.with_suffix("")), self.tests):
                self._demand(done)
            self.used_by = {path: set(self._dependencies(path)) for path in objects}
        self._time_tests()

    def _time_tests(self):
        """Runs each test on the core as it is: what does not pass now catches nothing later, and what it takes is the
        measure for the mutants. One that has passed is not run again until it or the core changes."""
        passed = Memory(self.directory / "passed.json")
        core = hashlib.sha256((self.base / LIBRARY).read_bytes())
        self.seconds = {}
        for test in self.tests:
            key = core.copy()
            key.update(test.with_suffix("").read_bytes())
            known = passed.of.get(test.stem)
            if not known or known[0] != key.hexdigest():
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                how = self._try(test.with_suffix(""), self.base, 60)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                if how:
                    raise Unbuildable(f"{test.stem} does not pass on the core as it is: {how}")
                known = [key.hexdigest(), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime]
                passed.of[test.stem] = known
                passed.save()
            self.seconds[test] = known[1]

    def _demand(self, done):
        if done.returncode:
            raise Unbuildable(done.stderr)

    # ---- trying ---------------------------------------------------------------------------------

    def _try(self, program, library_directory, cpu_seconds):
        """Runs one test. Returns how it failed, or None."""
        limits = f'ulimit -t {cpu_seconds} && ulimit -v {MEMORY_KIB} && ulimit -c 0 && exec "$@"'
        environment = {**os.environ, "LD_LIBRARY_PATH": str(library_directory), "CMOCKA_TEST_ABORT": "1"}
        process = subprocess.Popen(["sh", "-c", limits, "sh", *self.fixed_addresses, str(program)],
                                   env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            status = process.wait(WALL_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return "time"
        if status == 0:
            return None
        if status > 0:
            return f"exit {status}"
        return {-6: "failure", -9: "time", -24: "time"}.get(status, f"signal {-status}")

    def _slot(self):
        """A directory of this thread's own."""
        if not hasattr(self.slots, "directory"):
            with self.lock:
                self.slot_count += 1
                self.slots.directory = self.directory / f"work.{self.slot_count}"
        shutil.rmtree(self.slots.directory, ignore_errors=True)
        (self.slots.directory / "core").mkdir(parents=True)
        return self.slots.directory

    def _order(self, file, likely):
        """The tests, the likeliest to catch a mutant of this file first: the one that did the last time, those of
        its module, the quick ones."""
        stem = Path(file).stem
        def place(test):
            name = test.stem.removeprefix("test_")
            return name != likely, name != stem, not name.startswith(stem), self.seconds[test]
        return sorted(self.tests, key=place)

    def attempt(self, file, text, likely=None):
        """Tries the core with another text of one of its files. Returns (test, how it failed), None if none failed,
        or a sentence if that does not compile."""
        slot = self._slot()
        mutated = slot / file
        mutated.write_text(text)
        original = self.tree / file
        is_header = original.suffix == ".h"

        def remade(path):
            """This object or, if the file goes into it, another one."""
            if original not in self.used_by[path]:
                return path, None
            target = slot / path.relative_to(self.base)
            target.parent.mkdir(parents=True, exist_ok=True)
            source = (self.tree / path.relative_to(self.base)).with_suffix(".c")
            if not is_header:
                source = mutated
            done = self._compile(source, target, [slot] if is_header else [])
            return target, done.stderr if done.returncode else None

        objects = [remade(path) for path in self.core]
        support = [remade(path) for path in self.support]
        wrong = next((error for _, error in [*objects, *support] if error), None)
        if wrong:
            return wrong
        done = self._link_library([path for path, _ in objects], slot)
        if done.returncode:
            return done.stderr
        support_changed = any(path not in self.support for path, _ in support)
        for test in self._order(file, likely):
            program = test.with_suffix("")
            target, error = remade(test)
            if error:
                return error
            if support_changed or target != test:
                program = slot / "program"
                done = self._link_test([target, *(path for path, _ in support)], program)
                if done.returncode:
                    return done.stderr
            how = self._try(program, slot, CPU_SECONDS + round(10 * self.seconds[test]))
            if how:
                return test.stem.removeprefix("test_"), how
        return None

    # ---- the same object ------------------------------------------------------------------------

    def object_of(self, file, text):
        """A digest of what the compiler makes of this text, or None if it refuses: inline functions are kept, and both
        sides of an #if about wide integers are looked at."""
        slot = self._slot()
        (slot / file).write_text(text)
        if file.endswith(".h"):
            (slot / "alone.c").write_text(f'#include "{file}"\n')
            file = "alone.c"
        digest = hashlib.sha256()
        for wide in ([], ["-U__SIZEOF_INT128__"]):
            done = _run([self.compiler, "-std=c11", "-O2", "-w", "-DFT_ASSERT=1", "-fkeep-inline-functions", *wide,
                         "-I.", f"-I{self.tree}", "-c", file, "-o", "alone.o"], cwd=slot)
            if done.returncode:
                return None
            digest.update((slot / "alone.o").read_bytes())
        return digest.hexdigest()


class Memory:
    """What is kept from one time to the next."""

    def __init__(self, path):
        self.path = path
        try:
            self.of = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            self.of = {}

    def save(self):
        self.path.write_text(json.dumps(self.of, indent=1, sort_keys=True))
