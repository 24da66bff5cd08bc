<?php
// SPDX-License-Identifier: MIT
// Objects, arrays and strings made and dropped; run with USE_ZEND_ALLOC=0, each is a chunk of malloc's.

final class Node
{
    public function __construct(public int $key, public array $children)
    {
    }
}

$seed = 42;

function number(int $limit): int
{
    global $seed;
    $seed = ($seed * 1103515245 + 12345) % 2147483648;
    return ($seed >> 8) % $limit;
}

function tree(int $depth): Node
{
    $children = [];
    for ($i = 0; $depth > 0 && $i < 3; $i++) {
        $children[] = tree($depth - 1);
    }
    return new Node(number(1000), $children);
}

function total(Node $node): int
{
    return $node->key + array_sum(array_map('total', $node->children));
}

function churn_texts(int $live, int $steps): int
{
    $texts = array_fill(0, $live, '');
    for ($i = 0; $i < $steps; $i++) {
        $texts[number($live)] = str_repeat('x', number(400)) . $i;
    }
    return strlen(implode(',', $texts));
}

function churn_tables(int $rows): int
{
    $table = [];
    for ($i = 0; $i < $rows; $i++) {
        $table['key ' . number(5000)][] = ['number' => $i, 'text' => 'row ' . $i];
    }
    ksort($table);
    return strlen(json_encode($table));
}

$result = 0;
for ($round = 0; $round < 3; $round++) {
    $result += total(tree(9)) + churn_texts(30000, 200000) + churn_tables(60000);
}
echo $result, "\n";
