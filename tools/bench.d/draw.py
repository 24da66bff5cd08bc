#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws one picture as SVG from data in JSON: a program of its own, for the python3 that has matplotlib.

  draw.py overview|workloads|days FILE.svg <data

The data is what pictures.py makes of samples.
"""
import json
import sys

import matplotlib

matplotlib.use("svg")
# Letters stay letters, and the same data gives the same file.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "ft_malloc", "font.family": "sans-serif",
                            "font.size": 10, "axes.spines.top": False, "axes.spines.right": False})

from matplotlib import pyplot  # noqa: E402

OURS = "ours"
_COLOURS = {OURS: "#c0392b", "glibc": "#7f8c8d", "mimalloc": "#2980b9", "jemalloc": "#27ae60", "tcmalloc": "#8e44ad",
            "ours, at once": "#e59866", "jemalloc, at once": "#82e0aa"}
_OTHERS = ["#d4ac0d", "#16a085", "#34495e", "#a04000"]
_CLIP = (0.25, 4.0)  # of by-workload; what lies beyond is drawn at the edge


def _colours(names):
    others = [name for name in names if name not in _COLOURS]
    return {**_COLOURS, **{name: _OTHERS[i % len(_OTHERS)] for i, name in enumerate(others)}}


def overview(points):
    figure, axes = pyplot.subplots(figsize=(6.4, 4.4))
    colours = _colours(points)
    for name, (time, memory) in points.items():
        axes.scatter(time, memory, s=120 if name == OURS else 70, color=colours[name], zorder=3)
        axes.annotate(name, (time, memory), textcoords="offset points", xytext=(-8, -14) if name == OURS else (8, 6),
                      ha="right" if name == OURS else "left", color=colours[name],
                      weight="bold" if name == OURS else "normal")
    axes.axvline(1, color="#dddddd", zorder=1)
    axes.axhline(1, color="#dddddd", zorder=1)
    axes.margins(0.18)
    axes.set_xlabel("CPU time, ours = 1 (less is better)")
    axes.set_ylabel("peak resident memory, ours = 1 (less is better)")
    return figure


def workloads(rows):
    names = list(dict.fromkeys(name for row in rows for name in row["times"]))
    colours = _colours(names)
    figure, axes = pyplot.subplots(figsize=(8.4, 1.2 + 0.19 * len(rows)))

    def clipped(value):
        return min(max(value, _CLIP[0]), _CLIP[1])
    for place, row in enumerate(rows):
        ours = clipped(row["times"][OURS])
        axes.barh(place, ours - 1, left=1, height=0.62, color=colours[OURS], alpha=0.85, zorder=2)
        axes.plot([clipped(row["low"]), clipped(row["high"])], [place, place], color="black", lw=0.8, zorder=3)
        if row["times"][OURS] > _CLIP[1]:
            axes.annotate(f"{row['times'][OURS]:.1f}", (_CLIP[1], place), fontsize=7, va="center", xytext=(4, 0),
                          textcoords="offset points")
    for name in names:
        if name != OURS:
            seen = [(clipped(row["times"][name]), place) for place, row in enumerate(rows) if name in row["times"]]
            axes.scatter(*zip(*seen), s=14, color=colours[name], label=name, zorder=4)
    axes.barh(0, 0, color=colours[OURS], label=OURS)
    axes.set_xscale("log", base=2)
    axes.set_xlim(_CLIP[0], _CLIP[1] * 1.05)
    axes.set_xticks([0.25, 0.5, 1, 2, 4], ["¼ or less", "½", "1", "2", "4 or more"])
    axes.set_yticks(range(len(rows)), [f"{row['group']}  {row['workload']}" for row in rows], fontsize=7)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.axvline(1, color="black", lw=0.8, zorder=1)
    axes.grid(axis="x", color="#eeeeee", zorder=0)
    axes.set_xlabel("CPU time, the workload's best peer = 1 (less is better; the line on a bar is its 95 % interval)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=len(names), frameon=False)
    return figure


def days(data):
    figure, axes = pyplot.subplots(figsize=(9.2, 4.8))
    colours = _colours(data["resident"])
    axes.fill_between(*zip(*data["live"]), color="#e5e7e9", label="asked for by the program")
    for name, points in data["resident"].items():
        axes.plot(*zip(*points), color=colours[name], lw=2 if name == OURS else 1.1, label=name,
                  zorder=4 if name == OURS else 3)
    axes.set_xlim(0, data["live"][-1][0])
    axes.set_ylim(0)
    axes.set_xticks(range(0, round(data["live"][-1][0]) + 1, 12))
    axes.grid(color="#eeeeee", zorder=0)
    axes.set_xlabel("hour of simulated time")
    axes.set_ylabel("resident, MB")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=4, frameon=False)
    return figure


def main():
    kind, path = sys.argv[1:]
    figure = {"overview": overview, "workloads": workloads, "days": days}[kind](json.load(sys.stdin))
    figure.savefig(path, format="svg", bbox_inches="tight", metadata={"Date": None})


main()
