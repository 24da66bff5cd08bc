# SPDX-License-Identifier: MIT
# clang++ compiles C++ to the same assembly and a program that runs.
# needs: clang++
set -eu

cp "$CASES/containers.cpp" .
clang++ -std=c++17 -O1 -S -o containers.s containers.cpp
cksum <containers.s
clang++ -pthread -o containers containers.s
./containers

echo "the case is complete"
