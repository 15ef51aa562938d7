#!/bin/sh
# Builds a release with its tests into build/ and runs all of them. Installs what is missing on Debian 12 (root or
# sudo). Can be run again at any time. Usage: sh cmake/test.sh
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

sh "$root/cmake/build.sh" "$root/build" -DCMAKE_BUILD_TYPE=Release -DBS_TESTS=ON
echo "test: $root/build"
ctest --test-dir "$root/build" --output-on-failure --no-tests=error --parallel "$(nproc)"
