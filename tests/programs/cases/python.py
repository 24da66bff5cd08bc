# SPDX-License-Identifier: MIT
# Threads, processes, big lists, dictionaries, json, regular expressions, big numbers, sqlite.
import collections
import concurrent.futures
import decimal
import gc
import hashlib
import io
import itertools
import json
import pickle
import random
import re
import subprocess
import sys
import threading
import zlib

random.seed(20240917)


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def big_lists():
    numbers = [random.randrange(10**9) for _ in range(300000)]
    numbers.sort()
    pairs = list(zip(numbers, map(str, reversed(numbers))))
    del pairs[::2]
    return digest(str(pairs[:1000])), len(pairs), sum(numbers)


def dictionaries():
    table = collections.defaultdict(list)
    for number in range(100000):
        table[number * 7919 % 5003].append(str(number) * (number % 5))
    for key in list(table)[::3]:
        del table[key]
    return len(table), digest(repr(sorted(table.items())[:200]))


def json_and_re():
    tree = [{"id": n, "name": "x" * (n % 50), "list": list(range(n % 20))} for n in range(8000)]
    text = json.dumps(tree, sort_keys=True)
    again = json.loads(text)
    found = re.findall(r'"id": (\d*7), "list": \[([^]]*)\]', text)
    replaced = re.sub(r"x{3,}", lambda match: str(len(match.group())), text)
    return again == tree, len(found), digest(replaced)


def in_thread(number, results):
    own = random.Random(number)
    chunks = {}
    for step in range(15000):
        chunks[own.randrange(500)] = bytes(own.randrange(3000))
        if step % 3 == 0:
            chunks.pop(own.randrange(500), None)
    results[number] = sum(map(len, chunks.values()))


def threads():
    results = {}
    workers = [threading.Thread(target=in_thread, args=(n, results)) for n in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        sizes = list(pool.map(lambda n: len(zlib.compress(bytes(range(256)) * n)), range(1, 200)))
    return sorted(results.items()), sum(sizes)


def processes():
    outputs = []
    for number in range(3):
        code = f"print(sum(len(str(n)) for n in range({number} * 10000)))"
        outputs.append(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                                      check=True).stdout.strip())
    return outputs


def objects():
    class Node:
        def __init__(self, left, right):
            self.left, self.right, self.text = left, right, "t" * random.randrange(100)

    nodes = [Node(None, None)]
    for _ in range(40000):
        nodes.append(Node(random.choice(nodes), None))
        if len(nodes) > 5000:
            nodes = nodes[2500:]
    for node in nodes:
        node.right = node  # a cycle for the collector
    del nodes, node
    gc.collect()
    return len(pickle.dumps([random.random() for _ in range(10000)]))


def numbers():
    decimal.getcontext().prec = 500
    product = 1
    for number in range(1, 1500):
        product *= number
    return digest(hex(product)), str(decimal.Decimal(2).sqrt())[:30]


def text():
    out = io.StringIO()
    for left, right in itertools.product(range(200), repeat=2):
        out.write(f"{left:>5}|{right:<7}\n")
    whole = out.getvalue()
    return len(whole), digest("\n".join(reversed(whole.split("\n"))))


for job in (big_lists, dictionaries, json_and_re, threads, processes, objects, numbers, text):
    print(job.__name__, job())
