# SPDX-License-Identifier: MIT
"""What the real programs are given: made once from fixed seeds, the same on every machine."""
import os
import random
import shutil
import subprocess

import process
from build import HERE

_WORDS = "zone run chunk arena heap state map unit section page class stack home remote record walk".split()


def _write_once(path, make):
    """The path, after make(file) has written it unless that was done before."""
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        with open(unfinished, "w", encoding="utf-8") as file:
            make(file)
        os.replace(unfinished, path)
    return path


# ---- z3 -------------------------------------------------------------------------------------

def _equations(file, count=12, bits=11):
    """Products of numbers of some bits, one after the other: which two are they?"""
    primes = [1031, 1033, 1039, 1049, 1051, 1061, 1063, 1069, 1087, 1091, 1093, 1097, 1103]
    file.write("(set-logic QF_BV)\n")
    for number in range(count):
        wide = 2 * bits
        file.write(f"(push)\n(declare-fun a () (_ BitVec {wide}))\n(declare-fun b () (_ BitVec {wide}))\n"
                   f"(assert (= (bvmul a b) (_ bv{primes[number] * primes[number + 1]} {wide})))\n"
                   f"(assert (bvult a (_ bv{1 << bits} {wide})))\n(assert (bvult b (_ bv{1 << bits} {wide})))\n"
                   f"(assert (bvule a b))\n(assert (bvugt a (_ bv1 {wide})))\n(check-sat)\n(pop)\n")


def equations(directory):
    return _write_once(directory / "equations.smt2", _equations)


# ---- git ------------------------------------------------------------------------------------

def _history(file, commits, files=60):
    """A stream for git fast-import: files of lines, of which each commit changes some."""
    numbers = random.Random(2)

    def line():
        return " ".join(numbers.choices(_WORDS, k=numbers.randint(3, 12)))
    contents = {f"part{i % 7}/file{i}.txt": [line() for _ in range(numbers.randint(20, 400))] for i in range(files)}
    changed = list(contents)
    for number in range(commits):
        file.write(f"commit refs/heads/main\ncommitter A Maker <maker@example.org> {1700000000 + number * 60} +0000\n"
                   f"data {len(str(number))}\n{number}\n")
        for name in changed:
            text = "\n".join(contents[name]) + "\n"
            file.write(f"M 100644 inline {name}\ndata {len(text)}\n{text}\n")
        changed = numbers.sample(list(contents), 4)
        for name in changed:
            lines = contents[name]
            for _ in range(numbers.randint(1, 10)):
                lines[numbers.randrange(len(lines))] = line()
            lines.insert(numbers.randrange(len(lines)), line())


def repository(directory, commits):
    """A bare repository of so many commits, whose objects lie as fast-import leaves them."""
    path = directory / f"history-{commits}.git"
    if not path.exists():
        unfinished = directory / "unfinished.git"
        shutil.rmtree(unfinished, ignore_errors=True)
        process.run(["git", "init", "-q", "--bare", unfinished])
        history = _write_once(path.with_suffix(".txt"), lambda file: _history(file, commits))
        with open(history, encoding="utf-8") as stream:
            process.run(["git", f"--git-dir={unfinished}", "fast-import", "--quiet"], stdin=stream)
        os.replace(unfinished, path)
    return path


# ---- redis ----------------------------------------------------------------------------------

def _command(*words):
    words = [str(word) for word in words]
    return f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)


def _commands(file, count, keys=20000):
    """Commands of a server's day in redis's protocol. The last one is how the client knows that all were answered."""
    numbers = random.Random(3)
    for _ in range(count):
        key = numbers.randrange(keys)
        text = "x" * numbers.randint(5, 300)
        kind = numbers.randrange(8)
        if kind <= 2:
            file.write(_command("SET", f"text:{key}", text))
        elif kind == 3:
            file.write(_command("DEL", f"text:{key}"))
        elif kind == 4:
            file.write(_command("HSET", f"hash:{key % 500}", f"field{numbers.randrange(300)}", text))
        elif kind == 5:
            file.write(_command("LPUSH", f"list:{key % 300}", text) if numbers.randrange(3) else
                       _command("RPOP", f"list:{key % 300}"))
        elif kind == 6:
            file.write(_command("ZADD", f"sorted:{key % 300}", numbers.randrange(10000), f"member{key}"))
        else:
            file.write(_command("APPEND", f"text:{key}", text))
    file.write(_command("ECHO", "finished"))


def commands(directory, count):
    return _write_once(directory / f"commands-{count}.txt", lambda file: _commands(file, count))


# ---- gcc ------------------------------------------------------------------------------------

def translation_unit(directory):
    """Preprocessed, so that the compiler proper has one file to read."""
    path = directory / "templates.ii"
    if not path.exists():
        process.run(["g++", "-std=c++17", "-E", "-o", path, HERE / "programs" / "templates.cpp"])
    return path


def c_source(directory):
    """A program of ours in C, preprocessed, without the names of this machine's directories."""
    path = directory / "json.i"
    if not path.exists():
        process.run(["gcc", "-std=c11", "-D_POSIX_C_SOURCE=200809L", f"-I{HERE.parent}", "-E", "-P", "-o", path,
                     HERE / "single" / "json.c"])
    return path


def compiler(name="cc1plus"):
    """gcc's compiler proper for C++, or cc1 for C, without the driver that would start it as a second process."""
    return subprocess.run(["g++", f"-print-prog-name={name}"], capture_output=True, text=True).stdout.strip()
