# SPDX-License-Identifier: MIT
# python3 with its own small-object allocator in front of malloc.
# needs: python3
set -eu

python3 "$CASES/python.py"

echo "the case is complete"
