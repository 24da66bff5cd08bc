# SPDX-License-Identifier: MIT
"""The documents against the sources: options, exported symbols, links, and nobody's own paths."""

import re

from common import ROOT, Check, exports, files, lines_of, text_of

README = ROOT / "README.md"

check = Check("docs")


def option_rows():
    """name -> (line, row as README.md should have it), of each row {.name = "…" in api/options_table.c."""
    path, rows = ROOT / "api" / "options_table.c", {}
    text = text_of(path)
    # A constant's value is its place in the row's list of values.
    enums = re.findall(r"enum option_\w+\s*\{([^}]*)\}", text_of(ROOT / "api" / "options.h"))
    places = {name: place for constants in enums for place, name in enumerate(re.findall(r"\w+", constants))}
    for match in re.finditer(
        r"(?P<comment>(?:[ ]*//[^\n]*\n)+)"
        r'\s*\{\s*\.name\s*=\s*"(?P<name>\w+)"\s*,'
        r"\s*\.values\s*=\s*\{(?P<values>[^}]*)\}\s*,"
        r"\s*\.fallback\s*=\s*(?P<fallback>\w+)",
        text,
    ):
        values = [f"`{value}`" for value in re.findall(r'"([^"]*)"', match["values"])]
        fallback = values[places[match["fallback"]]]
        sentence = " ".join(re.findall(r"// *(.*\S)", match["comment"]))
        rows[match["name"]] = (
            text[: match.start("name")].count("\n") + 1,
            f"| `{match['name']}` | {', '.join(values)} | {fallback} | {sentence} |",
        )
    if not rows or len(rows) != len(re.findall(r"\.name\s*=", text)):
        check.fail(path, 1, "the option table has rows that this check cannot read: // sentence {.name .values .fallback …")
    return rows


def documented_options():
    """name -> (line, row) of README.md's table whose first column is headed Option."""
    rows, inside = {}, False
    for number, line in lines_of(README):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif re.fullmatch(r"options?", cells[0], re.I):
            inside = True
        elif inside and re.fullmatch(r"`(\w+)`", cells[0]):
            rows[cells[0].strip("`")] = (number, f"| {' | '.join(cells)} |")
    return rows


def check_options():
    """README.md's table of options (name, values, default, sentence) is that of api/options_table.c."""
    rows, documented = option_rows(), documented_options()
    for name, (line, row) in rows.items():
        if name not in documented:
            check.fail("api/options_table.c", line, f"option {name} is not in README.md's table of options: {row}")
        elif documented[name][1] != row:
            check.fail(README, documented[name][0], f"the row of option {name} should be: {row}")
    for name, (line, _) in documented.items():
        if name not in rows:
            check.fail(README, line, f"option {name} is not in the table of api/options_table.c")
    return len(rows)


def check_symbols():
    """Each exported symbol is named in README.md or in the public header."""
    told = text_of(README) + text_of(ROOT / "api" / "ft_malloc.h")
    rows = exports()
    for line, name, _ in rows:
        # C++ names are told as people write them.
        if name.startswith("_Zn"):
            found = "operator new" in told
        elif name.startswith("_Zd"):
            found = "operator delete" in told
        else:
            found = re.search(rf"\b{re.escape(name)}\b", told)
        if not found:
            check.fail("api/exports.list", line, f"{name} is named neither in README.md nor in ft_malloc.h")
    return len(rows)


def check_links(path):
    """A relative link leads to something."""
    count = 0
    for number, line in lines_of(path):
        for target in re.findall(r"\]\(([^)\s]+)\)", line):
            if re.match(r"[a-z]+:|#", target):
                continue
            count += 1
            if not (path.parent / target.split("#")[0]).exists():
                check.fail(path, number, f"the link {target} leads nowhere")
    return count


def private_paths():
    """Where this very copy lies, and anybody's home: neither belongs in the tree."""
    own = [str(ROOT)]
    if len(ROOT.parts) > 2 and str(ROOT.parent) != "/tmp":
        own.append(str(ROOT.parent))
    own = "|".join(re.escape(path) + r"(?=[/\s\"'`]|$)" for path in own)
    return re.compile(rf"(?<![\w.])(?:{own}|/(?:home|Users)\b/\w+|/root\b/)")


def main():
    options, symbols, links = 0, 0, 0
    if not README.exists():
        check.fail(README, 1, "there is no README.md")
    else:
        options, symbols = check_options(), check_symbols()
    pattern = private_paths()
    for path in files():
        if path.suffix == ".md":
            links += check_links(path)
        for number, line in lines_of(path):
            match = pattern.search(line)
            if match:
                check.fail(path, number, f"a path of one machine: {match.group(0)}")
    check.finish(f"{options} options, {symbols} symbols, {links} links")


main()
