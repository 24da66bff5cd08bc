#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the library tells of the heap, as programs read it: from python3's own process, on our allocator.

    test_stats_read.py LIBRARY

Runs itself with the library preloaded, and there calls it by ctypes: JSON by the json module, Prometheus's text by a
checker of its grammar, malloc_info by an XML parser, mallinfo2 by its members; each against the others.
"""

import ctypes
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

TABLE, JSON, PROMETHEUS = 0, 1, 2
MEMBERS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
PARTS = set("live rounding zones stacks hands home dirty clean virgin leaving metadata".split())
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="[a-z0-9]+",?)+)\})? (\d+)')


class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in MEMBERS]


def library():
    ours = ctypes.CDLL(None)
    ours.mallinfo2.restype = Info
    ours.malloc.restype = ctypes.c_void_p
    ours.malloc.argtypes = [ctypes.c_size_t]
    ours.free.argtypes = [ctypes.c_void_p]
    ours.fdopen.restype = ctypes.c_void_p
    ours.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
    ours.fclose.argtypes = [ctypes.c_void_p]
    return ours


def printed(ours, form):
    with tempfile.TemporaryFile() as file:
        assert ours.ft_malloc_stats_print(file.fileno(), form) == 0
        file.seek(0)
        return file.read().decode("ascii")


def info_xml(ours):
    with tempfile.TemporaryFile() as file:
        stream = ours.fdopen(os.dup(file.fileno()), b"w")
        assert ours.malloc_info(0, stream) == 0 and ours.fclose(stream) == 0
        file.seek(0)
        return xml.etree.ElementTree.fromstring(file.read())


def expect_json(text):
    """The figures, each part and each class adding up."""
    figures = json.loads(text)
    parts = figures["parts"]
    assert set(parts) == PARTS
    assert sum(parts.values()) == figures["committed_bytes"]
    assert figures["committed_bytes"] <= figures["committed_bytes_max"]
    assert 0 < figures["untouched_bytes"] < figures["committed_bytes"]
    assert figures["heap_bytes"] + figures["leaf_bytes"] < parts["metadata"]
    large = [figures["runs"], figures["mappings"]]
    for row in figures["classes"]:
        free = row["bytes"] * row["free"]
        assert row["zone_bytes"] == row["tail_bytes"] + row["live_bytes"] + row["rounding_bytes"] + free
        assert row["live_bytes"] + row["rounding_bytes"] == row["live"] * row["bytes"]
        assert row["home"] + row["stacks"] <= row["free"] and row["fresh"] <= row["free"]
    assert sum(row["live_bytes"] for row in figures["classes"] + large) == parts["live"]
    tails = sum(row["tail_bytes"] for row in figures["classes"])
    assert sum(row["rounding_bytes"] for row in figures["classes"] + large) + tails == parts["rounding"]
    assert sum(row["bytes"] * row["stacks"] for row in figures["classes"]) == parts["stacks"]
    return figures


def expect_prometheus(text):
    """{name and labels: number}; every sample behind the HELP and TYPE of its name, once."""
    samples, name = {}, None
    lines = text.split("\n")
    assert lines.pop() == ""
    for line in lines:
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert not any(sample.split("{")[0] == name for sample in samples), f"{name} comes twice"
        elif line.startswith("# TYPE "):
            assert line == f"# TYPE {name} gauge", line
        else:
            match = SAMPLE.fullmatch(line)
            assert match and match[1] == name, line
            key = line.rsplit(" ", 1)[0]
            assert key not in samples, line
            samples[key] = int(match[3])
    return samples


def expect_table(text):
    lines = text.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80, text
    numbers = [int(re.search(r" ([\d,]+)", line[26:])[1].replace(",", "")) for line in lines[1:len(PARTS) + 3]]
    assert sum(numbers[:len(PARTS)]) == numbers[len(PARTS)] <= numbers[len(PARTS) + 1], text


def expect_the_same(ours):
    """One state of the heap in all forms: nothing but small changes of the reader's own lies between."""
    expect_table(printed(ours, TABLE))
    figures, after = None, expect_json(printed(ours, JSON))
    while figures is None or figures["committed_bytes"] != after["committed_bytes"]:
        figures = after
        samples = expect_prometheus(printed(ours, PROMETHEUS))
        info = ours.mallinfo2()
        root = info_xml(ours)
        after = expect_json(printed(ours, JSON))
    committed = figures["committed_bytes"]
    assert samples["ft_malloc_committed_bytes"] == committed
    assert sum(number for key, number in samples.items() if key.startswith("ft_malloc_bytes{")) == committed
    classes = sum(number for key, number in samples.items() if key.startswith("ft_malloc_class_bytes{"))
    outside = sum(figures["parts"][part] for part in ("dirty", "clean", "virgin", "leaving", "metadata"))
    assert abs(classes + outside - committed) < committed / 4
    assert info.arena + info.hblkhd == committed
    assert info.uordblks + info.fordblks <= info.arena
    assert root.tag == "malloc" and root.get("version") == "1"
    heap = root.find("heap")
    assert heap.get("nr") == "0"
    for size in heap.find("sizes"):
        assert int(size.get("total")) == int(size.get("to")) * int(size.get("count"))
        assert int(size.get("from")) <= int(size.get("to"))
    assert {total.get("type") for total in root.findall("total")} == {"fast", "rest", "mmap"}
    current = root.find("system[@type='current']")
    assert int(current.get("size")) == info.arena
    most = root.find("system[@type='max']")
    assert info.arena <= int(most.get("size")) <= figures["committed_bytes_max"]
    assert int(root.find("aspace[@type='total']").get("size")) >= info.arena


def mallinfo2_moves(ours):
    before = ours.mallinfo2()
    chunks = [ours.malloc(10000) for _ in range(1000)]
    between = ours.mallinfo2()
    for chunk in chunks:
        ours.free(chunk)
    after = ours.mallinfo2()
    assert 10000 * 1000 <= between.uordblks - before.uordblks < 10000 * 1300
    assert abs(after.uordblks - before.uordblks) < 100000


def inside():
    ours = library()
    mallinfo2_moves(ours)
    chance = random.Random(73)
    live = []
    for step in range(3000):
        if live and chance.random() < 0.45:
            ours.free(live.pop(chance.randrange(len(live))))
        else:
            live.append(ours.malloc(int(2 ** chance.uniform(0, 21))))
        if step % 300 == 0:
            expect_the_same(ours)
    for chunk in live:
        ours.free(chunk)
    expect_the_same(ours)
    print("all forms agree")


def main():
    if sys.argv[1] == "--inside":
        inside()
        return
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FT_MALLOC")}
    environment["LD_PRELOAD"] = sys.argv[1]
    done = subprocess.run([sys.executable, __file__, "--inside"], env=environment, capture_output=True, text=True,
                          check=False)
    sys.stderr.write(done.stderr)
    assert done.returncode == 0 and done.stdout == "all forms agree\n", done


main()
