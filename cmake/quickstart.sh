#!/bin/sh
# From a clean clone to an edited checkpoint: installs what is missing on Debian 12 (root or sudo), builds a release
# into build/, makes a small GPT-2-shaped checkpoint, edits it and shows what changed. Can be run again at any time.
# Usage: sh cmake/quickstart.sh
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
program=$root/build/brainsurgery
play=$root/build/quickstart

# A build that is there is kept as it is. A first one does without tests, compiles many sources at a time, and makes the
# module for matrix products and decompositions last, which nothing here needs.
first=
[ -f "$root/build/CMakeCache.txt" ] || first='-DBS_TESTS=OFF -DBS_UNITY=ON'
# shellcheck disable=SC2086
BS_TARGET=brainsurgery sh "$root/cmake/build.sh" "$root/build" -DCMAKE_BUILD_TYPE=Release $first

mkdir -p "$play"
cd "$play"
say() { printf '\n== %s\n' "$*"; }

say "Making a small checkpoint: plans/make_tiny_gpt2.yaml"
"$program" run "$root/plans/make_tiny_gpt2.yaml"
"$program" inspect tiny_gpt2.safetensors > before.txt
cat before.txt

say "Editing it: plans/edit_tiny_gpt2.yaml"
cat "$root/plans/edit_tiny_gpt2.yaml"
"$program" run "$root/plans/edit_tiny_gpt2.yaml"
"$program" inspect tiny_gpt2_edited.safetensors > after.txt
cat after.txt

say "What changed (< before, > after)"
diff before.txt after.txt || [ $? = 1 ]

say "The files, in $play"
ls -l tiny_gpt2.safetensors tiny_gpt2_edited.safetensors

say "Building the rest"
cmake --build "$root/build"

say "Try next"
cat << END
  cd $play
  $program check $root/plans/edit_tiny_gpt2.yaml
  $program explain $root/plans/edit_tiny_gpt2.yaml
  $program --help
END
