# SPDX-License-Identifier: MIT
# python3 with every object from malloc.
# needs: python3
set -eu

export PYTHONMALLOC=malloc
python3 "$CASES/python.py"

echo "the case is complete"
