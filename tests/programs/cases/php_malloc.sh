# SPDX-License-Identifier: MIT
# The same kinds of work with php's own allocator out of the way: every chunk is from malloc.
# needs: php
set -eu

export USE_ZEND_ALLOC=0
php -n -r '
mt_srand(7);
$list = [];
for ($step = 0; $step < 200000; $step++) {
    $list[mt_rand(0, 5000)] = str_repeat(chr(65 + $step % 26), mt_rand(0, 300));
    if ($step % 3 === 0) { unset($list[mt_rand(0, 5000)]); }
}
ksort($list);
echo count($list), " ", md5(serialize($list)), "\n";
echo md5(preg_replace("/A+/", "a", implode(",", $list))), "\n";'

echo "the case is complete"
