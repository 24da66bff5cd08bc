# SPDX-License-Identifier: MIT
"""One run of a workload under one allocator: what it took, and whether it did what it does under all others."""
import hashlib
import re
import subprocess

import process

MEASURES = ["cpu s", "wall s", "peak KiB", "faults"]


class Bench:
    """Runs workloads, and remembers what came out of each: a run in which something else comes out has failed."""

    def __init__(self, directory):
        self._launch = directory / "launch"
        self._output = directory / "output"
        self._seen = {}

    def run(self, workload, allocator):
        """{measure: value}. Raises process.Failed."""
        told, output = self._run(workload, allocator)
        took = dict(zip(MEASURES, re.fullmatch(r"wall (\S+) cpu (\S+) peak (\d+) faults (\d+)\n", told).group(2, 1, 3, 4)))
        took = {measure: float(value) for measure, value in took.items()}
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
        command = [self._launch, allocator.path or "", workload.times, workload.stdin or "/dev/null", self._output,
                   *workload.command]
        if not workload.companion:
            told, errors = process.run(command, extra=workload.environment)
            output = self._output.read_bytes()
        else:
            companion = [str(word) for word in workload.companion]
            with subprocess.Popen(companion, env=process.environment(), stdout=subprocess.PIPE) as beside:
                try:
                    told, errors = process.run(command, extra=workload.environment)
                    output, _ = beside.communicate(timeout=60)
                finally:
                    beside.kill()
            if beside.returncode != 0:
                raise process.Failed(f"{' '.join(companion)}: exit status {beside.returncode}")
        # Ours tells of a misuse in a line, and with options that forgive it the program goes on.
        if "ft_malloc: " in errors:
            raise process.Failed(f"{workload.name} with {allocator.name}\n{errors.strip()}")
        return told, output

    def _compare(self, workload, allocator, output):
        found = hashlib.sha256(output).hexdigest()
        first, expected = self._seen.setdefault((workload.group, workload.name), (allocator.name, found))
        if found != expected:
            raise process.Failed(f"{workload.name} with {allocator.name} printed something else than with {first}")
