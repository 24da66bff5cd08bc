# SPDX-License-Identifier: MIT
"""Draws what was resident over simulated time, one line for each allocator, as SVG by gnuplot."""
import subprocess
import sys

import packages
import process

_MB = 1000000


def _block(name, points):
    lines = "\n".join(f"{hour:.3f} {value:.3f}" for hour, value in points)
    return f"${name} << END\n{lines}\nEND\n"


def _script(path, series, days):
    blocks, lines = [], []
    first = next(iter(series.values()))
    blocks.append(_block("live", [(s.minute / 60, s.live / _MB) for s in first]))
    lines.append('$live with filledcurves y1=0 fc rgb "#dddddd" title "asked for by the program"')
    for number, (name, samples) in enumerate(series.items()):
        blocks.append(_block(f"s{number}", [(s.minute / 60, s.resident / _MB) for s in samples]))
        width = 3 if number == 0 else 1.5
        lines.append(f'$s{number} with lines lt {number + 1} lw {width} title "{name}"')
    return "".join([
        "set terminal svg size 1000,560 dynamic background 'white'\n",
        f"set output '{path}'\n",
        "set xlabel 'hour of simulated time'\nset ylabel 'resident, MB'\n",
        f"set xrange [0:{days * 24}]\nset yrange [0:*]\nset xtics 6\nset grid\n",
        "set key outside bottom center horizontal\n",
        *blocks,
        "plot " + ", \\\n     ".join(lines) + "\n",
    ])


def draw(path, series, days):
    """Writes the picture; {name: samples}, ours first. Without gnuplot it says so."""
    if not packages.need_commands("gnuplot"):
        print(f"No picture in {path}: gnuplot is wanted.", file=sys.stderr)
        return
    done = subprocess.run(["gnuplot"], input=_script(path, series, days), text=True, capture_output=True)
    if done.returncode != 0:
        raise process.Failed(f"gnuplot\n{done.stderr.strip()}")
    print(f"the picture is in {path}", file=sys.stderr)
