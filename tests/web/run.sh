#!/bin/sh
# The page in a headless Chromium: installs what is missing (Debian 12, root or sudo), makes models, runs the tests.
# Usage: sh tests/web/run.sh PROGRAM PYTHON CACHE [SCREENSHOTS]; PYTHON has NumPy, CACHE keeps the Node modules.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
# Node.js may come from elsewhere, and then Debian's npm cannot be installed beside it.
node=
command -v node > /dev/null && command -v npm > /dev/null || node='nodejs npm'
# shellcheck disable=SC2086
sh "$root/cmake/install-packages.sh" chromium $node
mkdir -p "$3"
if [ ! -d "$3/node_modules/playwright-core" ] || [ ! -d "$3/node_modules/axe-core" ]; then
  npm install --no-audit --no-fund --no-save --prefix "$3" playwright-core@1.49.1 axe-core@4.10.2
fi
models=$(mktemp -d)
trap 'rm -rf "$models"' EXIT
"$2" "$root/tests/web/make_models.py" "$models"
node "$root/tests/web/page_test.mjs" "$1" "$models" "$3" ${4:+"$4"}
