# SPDX-License-Identifier: MIT
# g++ compiles C++ to the same assembly and a program that runs.
# needs: g++
set -eu

cp "$CASES/containers.cpp" .
g++ -std=c++17 -O1 -S -o containers.s containers.cpp
cksum <containers.s
g++ -pthread -o containers containers.s
./containers
g++ -std=c++17 -fsyntax-only -Wall no-such-file.cpp 2>&1 || echo "refused with status $?"

echo "the case is complete"
