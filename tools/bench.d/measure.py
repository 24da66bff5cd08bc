# SPDX-License-Identifier: MIT
"""One run of a workload under one allocator: what it took, and whether it did what it does under all others."""
import contextlib
import hashlib
import re
import subprocess

import process

MEASURES = ["cpu s", "wall s", "peak KiB", "faults"]


TIME_LIMIT = 300  # seconds on the wall, after which a run has failed: a server whose client is gone never ends


@contextlib.contextmanager
def _companion(workload):
    """The process that runs beside the workload, or None; it does not outlive it."""
    if not workload.companion:
        yield None
        return
    command = [str(word) for word in workload.companion]
    with subprocess.Popen(command, env=process.environment(), stdout=subprocess.PIPE) as beside:
        try:
            yield beside
        finally:
            beside.kill()


class Bench:
    """Runs workloads, and remembers what came out of each: a run in which something else comes out has failed."""

    def __init__(self, directory):
        self._launch = directory / "launch"
        self._output = directory / "output"
        self._seen = {}

    def run(self, workload, allocator):
        """{measure: value}. Raises process.Failed."""
        told, output = self._run(workload, allocator)
        words = told.split()
        found = dict(zip(words[::2], map(float, words[1::2])))
        took = {measure: found[measure.split()[0]] for measure in MEASURES}
        if workload.tells_time:
            found = re.match(rb"cpu (\S+) wall (\S+)", output)
            if not found:
                raise process.Failed(f"{workload.name} with {allocator.name} printed {output[:200]!r}")
            took["cpu s"], took["wall s"] = map(float, found.groups())
        else:
            self._compare(workload, allocator, output)
        if min(took.values()) <= 0:
            raise process.Failed(f"{workload.name} with {allocator.name} took {took}: it is too short to measure")
        return took

    def _run(self, workload, allocator):
        """(what the launcher told, what came out)"""
        with _companion(workload) as beside:
            told, errors = process.run(
                ["timeout", TIME_LIMIT, self._launch, allocator.path or "", workload.times,
                 workload.stdin or "/dev/null", self._output, *workload.command], extra=workload.environment)
            output = beside.communicate(timeout=TIME_LIMIT)[0] if beside else self._output.read_bytes()
        if beside and beside.returncode != 0:
            raise process.Failed(f"{workload.companion}: exit status {beside.returncode}")
        # Ours tells of a misuse in a line, and with options that forgive it the program goes on.
        if "ft_malloc: " in errors:
            raise process.Failed(f"{workload.name} with {allocator.name}\n{errors.strip()}")
        return told, output

    def _compare(self, workload, allocator, output):
        found = hashlib.sha256(output).hexdigest()
        first, expected = self._seen.setdefault((workload.group, workload.name), (allocator.name, found))
        if found != expected:
            raise process.Failed(f"{workload.name} with {allocator.name} printed something else than with {first}")
