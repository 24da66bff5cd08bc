# SPDX-License-Identifier: MIT
# The shell itself: arrays, strings, functions, subshells, here-documents, many variables.
# needs: bash
set -eu

declare -A count
words=()
for number in $(seq 1 3000); do
    word="word$((number * 7919 % 1000))"
    count[$word]=$((${count[$word]:-0} + 1))
    words+=("$word-${number}")
done
echo "${#words[@]} words, ${#count[@]} different, ${words[2999]}, ${count[word7]}"

text=""
for number in $(seq 1 500); do
    text+="$number,"
done
echo "${#text} ${text//1/one}" | cksum

fibonacci() {
    if [ "$1" -lt 2 ]; then
        echo "$1"
        return
    fi
    echo $(($(fibonacci $(($1 - 1))) + $(fibonacci $(($1 - 2)))))
}
fibonacci 9

IFS=, read -r -a fields <<<"$text"
printf '%s\n' "${fields[@]:100:5}"
mapfile -t lines < <(seq 1 20000)
echo "${#lines[@]} ${lines[19999]}"
for job in 1 2 3 4; do
    (for step in $(seq 1 200); do text="$step$text"; done; echo "${#text}") >"job$job" &
done
wait
cat job1 job2 job3 job4
cat <<END | tr a-z A-Z | rev
a here-document with ${#words[@]} words
END
trap 'echo "on exit"' EXIT
trap - EXIT

echo "the case is complete"
