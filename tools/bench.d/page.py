# SPDX-License-Identifier: MIT
"""The page of results: markdown beside its pictures and the samples it was made from."""
import contextlib
import io
import sys

import pictures

_PICTURES = [("overview.svg", pictures.overview, "CPU time against peak memory, geometric means of all workloads"),
             ("workloads.svg", pictures.by_workload, "CPU time of each workload beside its best peer"),
             ("server-days.svg", pictures.server_days, "memory over some simulated days of a server")]


class _Tee(io.TextIOBase):
    """What is printed goes on to where it went, and stays here."""

    def __init__(self, other):
        self._other = other
        self.text = ""

    def write(self, text):
        self.text += text
        return self._other.write(text)

    def flush(self):
        self._other.flush()


@contextlib.contextmanager
def listening():
    """Gives an object whose `text` is what was printed meanwhile."""
    tee = _Tee(sys.stdout)
    with contextlib.redirect_stdout(tee):
        yield tee


def _pictures(directory, samples):
    for name, draw, words in _PICTURES:
        has_timed = bool(samples.workloads(pictures.GROUPS, pictures.figures.CPU))
        if (name == "server-days.svg" or has_timed) and draw(samples, directory / name):
            yield f"![{words}]({name})\n"


def write(directory, samples, text):
    """README.md with the text of the run, pictures, and samples.csv; the directory is made."""
    directory.mkdir(parents=True, exist_ok=True)
    samples.write(directory / "samples.csv")
    parts = ["# What `tools/bench` found\n",
             "Every sample is in [samples.csv](samples.csv). Ours is this allocator; the others are preloaded as it is, "
             "glibc's is what is there without.\n",
             *_pictures(directory, samples), "```", text.strip("\n"), "```", ""]
    (directory / "README.md").write_text("\n".join(parts), encoding="utf-8")
    print(f"the page is {directory / 'README.md'}", file=sys.stderr)
