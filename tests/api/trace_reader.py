# SPDX-License-Identifier: MIT
"""Reads traces as core/trace.h tells their form: a second reader, which shares no line with ft_replay's."""

from collections import namedtuple

BLOCK, HEAD = 1 << 16, 64
KINDS = (None, "malloc", "calloc", "realloc", "aligned", "free", "misused free", "misused realloc", "end", "before",
         "thread", "stack", "module")
CALLS = KINDS[1:8]
FIELDS = {
    "malloc": ("bytes", "result"), "calloc": ("bytes", "result"), "realloc": ("ptr", "held", "bytes", "result"),
    "aligned": ("align", "bytes", "result"), "free": ("ptr", "held"), "misused free": ("ptr",),
    "misused realloc": ("ptr", "bytes"), "end": ("bytes", "count"), "before": ("ptr", "held"), "thread": ("thread",),
    "stack": ("stack", "data"), "module": ("ptr", "bytes", "data"),
}
TIME, GAP, STACK, REFUSED = 0x10, 0x20, 0x40, 0x80

Head = namedtuple("Head", "process lane sequence order time began length")


def check_of(data):
    total = (14695981039346656037 + len(data)) % 2**64
    data += bytes(-len(data) % 8)
    for at in range(0, len(data), 8):
        total ^= int.from_bytes(data[at:at + 8], "little")
        total = total * 1099511628211 % 2**64
        total ^= total >> 32
    return total % 2**32


def head_of(block):
    def number(at, count):
        return int.from_bytes(block[at:at + count], "little")

    assert block[:8] == b"FTTRACE1", block[:8]
    assert number(48, 4) == check_of(block[:48])
    length = number(52, 4)
    assert length == 0 or number(56, 4) == check_of(block[HEAD:HEAD + length])
    return Head(number(8, 4), number(12, 4), number(16, 8), number(24, 8), number(32, 8), number(40, 8), length)


class Block:
    """The records of one block, as dictionaries."""

    def __init__(self, data):
        self.head = head_of(data)
        self.data = data
        self.at = HEAD
        self.address, self.stack = 0, 0

    def number(self):
        value, shift = 0, 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                assert value < 2**64
                return value

    def difference(self):
        value = self.number()
        return ~(value >> 1) if value & 1 else value >> 1

    def next_address(self):
        self.address = (self.address + self.difference()) % 2**64
        return (self.address << 4 | self.address >> 60) % 2**64

    def field(self, name, first):
        if name in ("ptr", "result"):
            return 0 if name == "result" and first & REFUSED else self.next_address()
        if name == "align":
            return 1 << self.number()
        if name == "data":
            length = self.number()
            self.at += length
            return self.data[self.at - length:self.at]
        return self.number()

    def records(self):
        order, time, thread = self.head.order, self.head.time, 0
        end = HEAD + self.head.length if self.head.length else BLOCK
        while self.at < min(end, len(self.data)) and self.data[self.at] != 0:
            first = self.data[self.at]
            self.at += 1
            kind = KINDS[first & 15]
            record = {"kind": kind}
            if first & TIME:
                time += self.number()
            if kind in CALLS or kind == "end":
                order += 1 + (self.number() if first & GAP else 0)
            if first & STACK:
                self.stack += self.difference()
                record["stack"] = self.stack
            for name in FIELDS[kind]:
                record[name] = self.field(name, first)
            thread = record.get("thread", thread)
            yield dict(record, order=order, time=time, thread=thread)


def frames_of(data):
    """The frames of a STACK."""
    block = Block.__new__(Block)
    block.data, block.at = data, 0
    frames, last = [], 0
    while block.at < len(data):
        last = (last + block.difference()) % 2**64
        frames.append(last)
    return frames


def read(path):
    """All records of a file in order, the calls numbered without a gap."""
    data = path.read_bytes()
    blocks = [Block(data[at:at + BLOCK]) for at in range(0, len(data), BLOCK) if any(data[at:at + 8])]
    assert len({(block.head.process, block.head.began) for block in blocks}) == 1
    lanes = {}
    for block in sorted(blocks, key=lambda block: block.head.sequence):
        lane = lanes.setdefault(block.head.lane, [])
        assert block.head.sequence == len(lane) and (not lane or lane[-1].head.length)
        lane.append(block)
    # Sorted by order, each lane's own order kept.
    records = sorted((record for lane in lanes.values() for block in lane for record in block.records()),
                     key=lambda record: record["order"])
    numbered = [record["order"] for record in records if record["kind"] in CALLS or record["kind"] == "end"]
    assert not numbered or numbered == list(range(numbered[0], numbered[0] + len(numbered)))
    return records


def live_after(records):
    """What is live at the end, address: bytes; each call must make sense after those before it."""
    live = {}
    for record in records:
        kind = record["kind"]
        if kind in ("free", "realloc") and (record.get("result") or not record.get("bytes")):
            assert live.pop(record["ptr"], None) == record["held"], record
        if kind == "before":
            assert record["ptr"] not in live, record
            live[record["ptr"]] = record["held"]
        elif record.get("result"):
            assert record["result"] not in live, record
            live[record["result"]] = record["bytes"]
        elif kind == "end":
            assert (len(live), sum(live.values())) == (record["count"], record["bytes"]), record
    return live
