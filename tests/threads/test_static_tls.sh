#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# test_static_tls.sh LIBRARY [MOST]: the library's thread-local storage is at most MOST bytes (64), so
# that a program may load it late, and each thread pays little for it.
set -euo pipefail
export LC_ALL=C

library=$1
most=${2:-64}
segments=$(readelf --segments --wide "$library")
bytes=$(awk '$1 == "TLS" { print $6 }' <<<"$segments")
bytes=$((${bytes:-0}))
echo "${library##*/}: $bytes bytes of thread-local storage, $most at most"
((bytes <= most))
