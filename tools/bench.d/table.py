# SPDX-License-Identifier: MIT
"""Tables a person can read."""


def text(header, rows):
    """Columns as wide as their widest cell; the first one to the left, the others to the right."""
    lines = [[str(cell) for cell in line] for line in [header, *rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]

    def aligned(line):
        first, *rest = line
        cells = [first.ljust(widths[0])] + [c.rjust(w) for c, w in zip(rest, widths[1:])]
        return "  ".join(cells).rstrip()

    return "\n".join("  " + aligned(line) for line in lines)


def limit(value, largest, form="{:g}"):
    """`<= 50 ok` or `<= 50 OVER`; an empty cell when there is no limit."""
    if largest is None or value is None:
        return ""
    return f"<= {form.format(largest)} " + ("ok" if value <= largest else "OVER")


def at_least(value, smallest, form="{:g}"):
    """`>= 56 ok` or `>= 56 UNDER`; a value of None, which is none at all, is under everything."""
    return f">= {form.format(smallest)} " + ("ok" if value is not None and value >= smallest else "UNDER")


def duration(ns):
    """Nanoseconds in the unit that reads best."""
    return f"{ns / 1000:.0f} us" if ns >= 10000 else f"{ns:.1f} ns"
