# SPDX-License-Identifier: MIT
# A C++ program with the standard containers and threads, which was compiled without us.
# needs: cat
set -eu

"$CXX_PROGRAM"

echo "the case is complete"
