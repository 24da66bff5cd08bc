# SPDX-License-Identifier: MIT
# The small tools: sort in its ways, and what lists, cuts, joins, splits and sums up files.
# needs: sort find xargs
set -eu

seq 1 200000 | awk '{ print ($1 * 7919) % 200003, "line", $1 }' >numbers
sort -n numbers | cksum
sort -k3,3r -k1,1n --parallel=4 -S 4M numbers | cksum
sort -R --random-source=numbers numbers | cksum
sort -u -t' ' -k2,2 numbers
shuf --random-source=numbers numbers | head -n 3
cut -d' ' -f1 numbers | sort -n | uniq -c | sort -rn | head -n 2
tac numbers | head -n 2
split -l 50000 numbers part-
cat part-* | cmp - numbers
join <(sort -k1b,1 numbers | head -n 1000) <(sort -k1b,1 numbers | head -n 500) | cksum
comm -12 <(sort part-aa) <(sort numbers) | wc -l
paste -s -d, part-aa | cksum
md5sum numbers
sha256sum numbers
base64 numbers | cksum
od -A d -t x1 numbers | tail -n 2
expand numbers | fold -w 20 | cksum
factor 1234567890123456789 600851475143
numfmt --to=iec 1 1000 1000000

for number in $(seq 1 40); do
    mkdir -p "tree/$((number % 7))/$((number % 3))"
    head -c $((number * 37)) numbers >"tree/$((number % 7))/$((number % 3))/file$number"
done
find tree numbers part-* -exec touch -d 2020-02-02T02:02:02 {} +
ls -lR --time-style=+%s tree | sed 's/^total .*//'
ls -laS tree/1/1 | awk '{ print $5, $9 }' | grep file
find tree -type f -printf '%P %s\n' | sort | cksum
find tree -type f -print0 | sort -z | xargs -0 -n 3 -P 2 wc -c | sort | cksum
du -b --apparent-size tree/1 | sort | cut -f2
tar -cf - --sort=name --owner=0 --group=0 --mtime=@0 tree | cksum
cp -r tree copy && diff -r tree copy && rm -r copy
df / >/dev/null && id >/dev/null && env | sort | grep -c = >/dev/null

echo "the case is complete"
