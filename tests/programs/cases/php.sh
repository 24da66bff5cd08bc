# SPDX-License-Identifier: MIT
# Arrays, strings, objects, generators, json, regular expressions, sorting.
# needs: php
set -eu

php -n <<'END'
<?php
mt_srand(42);
$table = [];
for ($step = 0; $step < 100000; $step++) {
    $key = 'key' . mt_rand(0, 4000);
    $table[$key] = ($table[$key] ?? '') . chr(97 + $step % 26);
    if ($step % 5 === 0) {
        unset($table['key' . mt_rand(0, 4000)]);
    }
}
ksort($table);
$text = json_encode($table);
echo count($table), ' ', strlen($text), ' ', md5($text), "\n";
echo json_decode($text, true) === $table ? 'same' : 'different', "\n";
echo preg_match_all('/key\d*7":"([a-e]+)/', $text, $found), ' ', md5(implode(',', $found[1])), "\n";
class Node
{
    public $left, $right, $text;
    function __construct($depth)
    {
        $this->text = str_repeat('n', $depth * 10);
        if ($depth > 0) {
            $this->left = new Node($depth - 1);
            $this->right = new Node($depth - 1);
        }
    }
    function count() { return 1 + ($this->left ? $this->left->count() + $this->right->count() : 0); }
}
for ($round = 0; $round < 3; $round++) {
    $tree = new Node(13);
    $tree->self = $tree->left->up = $tree;
    echo $tree->count(), "\n";
    unset($tree);
    gc_collect_cycles();
}
function numbers($limit) { for ($n = 0; $n < $limit; $n++) { yield $n => str_repeat((string)$n, $n % 50); } }
$sum = 0;
foreach (numbers(50000) as $n => $digits) { $sum += strlen($digits); }
echo $sum, ' ', strlen(str_repeat('big', 3000000)), "\n";
$list = range(1, 200000);
shuffle($list);
usort($list, fn($a, $b) => $a % 1000 <=> $b % 1000 ?: $a <=> $b);
echo md5(implode(' ', $list)), ' ', array_sum($list), "\n";
END

echo "the case is complete"
