# SPDX-License-Identifier: MIT
"""Finds what could be changed in the core's sources, and chooses among it, always the same from the same sources."""
import concurrent.futures
import hashlib
import re
from collections import Counter
from pathlib import Path

from entries import Mutant

SWAPS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&",
    "+": "-", "-": "+", "*": "+", "/": "*", "%": "/", "<<": ">>", ">>": "<<", "&": "|", "|": "&", "^": "|",
    "+=": "-=", "-=": "+=", "|=": "^=", "&=": "|=", "<<=": ">>=", ">>=": "<<=",
}
OPERATOR = re.compile(r"(?<= )(" + "|".join(map(re.escape, sorted(SWAPS, key=len, reverse=True))) + r")(?= |$)")
STEP = re.compile(r"\+\+|--")
NUMBER = re.compile(r"(?<![\w.])(\d+)([uUlL]*)(?![\w.])")
TRUTH = re.compile(r"\b(true|false)\b")
EXPECTATION = re.compile(r"[01]\)\) \{")  # of __builtin_expect
CONDITION = re.compile(r"((?:\} else )?if|while) \((.*)\) \{")
ANSWER = re.compile(r"return (.*);")
DECLARATION = re.compile(r"(const |static |extern |_Atomic |struct \w+ |enum |u?int\w*_t |size_t |bool |unsigned |"
                         r"void |"
                         r"char |return\b|case |default|goto )")
STATEMENT_END = (";", "{", "}", ":")
# What restates a fact is no code of its own, and what the compiler checks is none at all.
ASSERTIONS = re.compile(r"\b(CHECK|ASSERT|AUDIT|_Static_assert)\(")


def _blank_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"",
                  lambda match: re.sub(r"[^\n]", " ", match[0]), text, flags=re.S)


def code_lines(text):
    """(index, function, whether it answers a bool, code) of each line that may be changed; the function of what lies
    outside of all is `constants`."""
    found, function, answers_bool, skips, in_enum = [], None, False, False, False
    head = ""
    for index, line in enumerate(_blank_comments(text).split("\n")):
        code = line.rstrip()
        if code.startswith("#") or not code.strip():
            continue
        if skips or ASSERTIONS.search(code):
            skips = not code.endswith(";")
            continue
        if code == "{":
            match = re.search(r"(\w+)\(", head)
            function, answers_bool = match and match[1], bool(re.match(r"(static )?(inline )?bool ", head))
        elif code.startswith("}"):
            function, head, in_enum = None, "", False
        elif function:
            found.append((index, function, answers_bool, code.strip()))
        elif re.match(r"enum.*\{|const struct heap_place .*\{", code):
            in_enum = not code.endswith("};")
            found.append((index, "constants", False, code.strip()))
        elif in_enum:
            found.append((index, "constants", False, code.strip()))
        elif not code.startswith((" ", "}")):
            head = code if not head or head.endswith((";", "}")) else head + " " + code
        if code.endswith(";") and not code.startswith(" "):
            head = ""
    return found


def _clauses(code):
    """The start and end of each operand of && and || that is whole in this line, and which of the two it is of."""
    depth, start, pieces = 0, 0, []
    opened = []
    for at, sign in enumerate(code):
        if sign == "(":
            opened.append((start, list(pieces)))
            start, pieces = at + 1, []
        elif sign == ")" and opened:
            pieces.append((start, at, None))
            yield from _joined(code, pieces)
            start, pieces = opened.pop()
        elif code[at:at + 4] in (" && ", " || ") or (code[at:] in (" &&", " ||")):
            pieces.append((start, at, code[at + 1:at + 3]))
            start = at + 4
    pieces.append((start, len(code), None))
    if not opened:
        yield from _joined(code, pieces)


def _joined(code, pieces):
    before = None
    for start, end, after in pieces:
        operator = after or before
        text = code[start:end]
        if operator and text.count("(") == text.count(")") and not re.search(r"[;{}=?:] |return |;$", text):
            yield start, end, operator
        before = after


def _changes(code, before, function, answers_bool):
    """What the line may become."""
    if function == "constants" and not re.search(r"=|\{\d", code):
        return
    for match in OPERATOR.finditer(code):
        if function != "constants" or match[1] != "*":
            yield code[:match.start()] + SWAPS[match[1]] + code[match.end():]
    for match in STEP.finditer(code):
        yield code[:match.start()] + {"++": "--", "--": "++"}[match[0]] + code[match.end():]
    for match in NUMBER.finditer(code):
        if EXPECTATION.match(code, match.start()):
            continue
        value = int(match[1])
        yield code[:match.start()] + f"{value + 1}{match[2]}" + code[match.end():]
        if value > 0:
            yield code[:match.start()] + f"{value - 1}{match[2]}" + code[match.end():]
    for match in TRUTH.finditer(code):
        yield code[:match.start()] + {"true": "false", "false": "true"}[match[0]] + code[match.end():]
    match = CONDITION.fullmatch(code)
    if match:
        yield f"{match[1]} (!({match[2]})) {{"
    match = ANSWER.fullmatch(code)
    if match and answers_bool and match[1] not in ("true", "false"):
        yield f"return !({match[1]});"
    for start, end, operator in _clauses(code):
        yield code[:start] + ("true" if operator == "&&" else "false") + code[end:]
    if code.endswith(";") and before.endswith(STATEMENT_END) and not DECLARATION.match(code):
        yield ""
    if code == "return;":
        yield ""


def candidates(top, file):
    """All mutants of a file, without names, by their place."""
    text = (top / file).read_text()
    plain = [line.strip() for line in text.split("\n")]
    count_of, seen, before, found = Counter(plain), Counter(), "{", []
    which = []
    for line in plain:
        seen[line] += 1
        which.append(seen[line])
    for index, function, answers_bool, code in code_lines(text):
        whole = plain[index]
        for new in dict.fromkeys(_changes(code, before, function, answers_bool)):
            # A comment at the line's end stays where it is; a dropped line takes it along.
            changed = (new + whole[len(code):]) if new and whole.startswith(code) else new
            if changed != whole:
                found.append((function, Mutant("", file, whole, changed, which[index], count_of[whole])))
        before = code
    return found


def sources(top):
    return [f"core/{path.name}" for path in sorted((top / "core").glob("*.[ch]"))]


def _shares(sizes, total):
    """total, divided in proportion; what is not nothing gets one at least."""
    whole = sum(sizes.values())
    exact = {key: total * size / whole for key, size in sizes.items()}
    shares = {key: max(int(value), 1) for key, value in exact.items()}
    for key in sorted(exact, key=lambda key: (int(exact[key]) - exact[key], key)):
        if sum(shares.values()) >= total:
            break
        shares[key] += 1
    return shares


def _size(found):
    """Lines of code; a table's rows are less than that."""
    lines = {(mutant.old, mutant.which) for _, mutant in found}
    rows = sum(1 for line, _ in lines if line.startswith("{"))
    return len(lines) - rows + rows / 16


def _dice(mutant):
    return hashlib.sha256("\n".join(map(str, mutant.change)).encode()).digest()


def choose(lab, total, kept=()):
    """Mutants in addition to `kept`, so that there are `total`, spread over the files by their code. What does not
    compile is left out, and what compiles to the same code as the original or as another mutant."""
    top = lab.tree
    texts = {file: (top / file).read_text() for file in sources(top)}
    all_of = {file: candidates(top, file) for file in texts}
    sizes = {file: _size(found) for file, found in all_of.items() if found}
    kept_by = {file: [mutant for mutant in kept if mutant.file == file] for file in texts}
    names = {mutant.name for mutant in kept}
    taken = []

    def choose_in(file):
        left = shares[file] - len(kept_by[file])
        if left <= 0:
            return []
        known = {mutant.change for mutant in kept_by[file]}
        objects = {lab.object_of(file, texts[file]), None}
        objects |= {lab.object_of(file, mutant.apply(texts[file])) for mutant in kept_by[file]}
        used_lines = Counter((mutant.old, mutant.which) for mutant in kept_by[file])
        rest = sorted((pair for pair in all_of[file] if pair[1].change not in known), key=lambda pair: _dice(pair[1]))
        chosen = []
        most = 1  # from one line, until there is none left
        while left > len(chosen) and rest and most < 20:
            later = []
            for function, mutant in rest:
                line = mutant.old, mutant.which
                if len(chosen) == left:
                    break
                if used_lines[line] >= most:
                    later.append((function, mutant))
                    continue
                made = lab.object_of(file, mutant.apply(texts[file]))
                if made not in objects:
                    objects.add(made)
                    used_lines[line] += 1
                    chosen.append((function, mutant))
            rest = later
            most += 1
        return chosen

    shares = _shares(sizes, total)
    with concurrent.futures.ThreadPoolExecutor(lab.jobs) as pool:
        for chosen in pool.map(choose_in, sizes):
            place = {id(mutant): at for at, (_, mutant) in enumerate(all_of[chosen[0][1].file])} if chosen else {}
            for function, mutant in sorted(chosen, key=lambda pair: place[id(pair[1])]):
                stem = Path(mutant.file).stem
                number = next(n for n in range(1, 10000) if f"{stem}.{function}.{n}" not in names)
                mutant.name = f"{stem}.{function}.{number}"
                names.add(mutant.name)
                taken.append(mutant)
    return taken
