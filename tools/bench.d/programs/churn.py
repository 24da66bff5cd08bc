# SPDX-License-Identifier: MIT
"""Object churn: what a Python program does to its allocator, the same in every run.

  churn.py [PERCENT]   so much of the whole, which takes a few seconds; may be less than one
"""
import sys


class Node:
    def __init__(self, key, children):
        self.key = key
        self.children = children
        self.text = "node %d" % key


def sequence(seed):
    while True:
        seed = (seed * 1103515245 + 12345) % (1 << 31)
        yield seed >> 8


def tree(depth, keys):
    if depth == 0:
        return Node(next(keys), [])
    return Node(next(keys), [tree(depth - 1, keys) for _ in range(3)])


def total(node):
    return node.key % 7 + len(node.text) + sum(total(child) for child in node.children)


def churn_texts(numbers, live, steps):
    """Keeps so many texts of one to some thousand bytes, replacing one at a time."""
    texts = [""] * live
    for _ in range(steps):
        number = next(numbers)
        texts[number % live] = "x" * (number % 61 if number % 16 else number % 4093)
    return sum(map(len, texts))


def churn_tables(numbers, rounds):
    result = 0
    for _ in range(rounds):
        by_key = {}
        for _ in range(20000):
            number = next(numbers)
            by_key.setdefault(number % 4999, []).append((number, str(number)))
        result += len(by_key) + max(len(entries) for entries in by_key.values())
    return result


def main():
    percent = float(sys.argv[1]) if len(sys.argv) > 1 else 100
    numbers = sequence(42)
    result = churn_texts(numbers, int(3300 * percent), int(9000 * percent))
    for _ in range(max(1, int(4 * percent / 100))):
        result += total(tree(9 if percent >= 1 else 7, numbers))
    result += churn_tables(numbers, int(15 * percent / 100))
    buffer = bytearray()
    for _ in range(int(2000 * percent)):
        buffer += b"growing by a few bytes at a time"
    print(result + len(buffer))


main()
