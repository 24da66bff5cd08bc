# SPDX-License-Identifier: MIT
# Node with worker threads: buffers, strings, maps, json, regular expressions, compression.
# needs: node
set -eu

node "$CASES/workers.js"

echo "the case is complete"
