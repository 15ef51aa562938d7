#!/bin/sh
# Runs every fuzz target for some seconds, from seeds made of the recorded cases and the specimens of file formats.
# Exits non-zero on a finding, whose input stays in FOLDER/findings. What was found interesting stays in FOLDER/corpus for the next run.
# Usage: sh tests/fuzz/run.sh FOLDER SECONDS [TARGET ...]      (needs clang; FOLDER is made and built in)
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
folder=${1:?usage: run.sh FOLDER SECONDS [TARGET ...]}
seconds=${2:?usage: run.sh FOLDER SECONDS [TARGET ...]}
shift 2
[ $# -gt 0 ] || set -- yaml oly reference pattern config safetensors zip pickle torch gguf npy index dcp formula

launcher=
if command -v ccache > /dev/null; then launcher=-DCMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
export CCACHE_BASEDIR CCACHE_NOHASHDIR
cmake -S "$root" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="${CLANGXX:-clang++}" \
  -DCMAKE_C_COMPILER="${CLANG:-clang}" -DBS_FUZZ=ON -DBS_TESTS=OFF -DBS_DENSE=OFF $launcher > "$folder.log" 2>&1 ||
  { cat "$folder.log"; exit 1; }
rm -f "$folder.log"
# shellcheck disable=SC2046
cmake --build "$folder" --target $(printf 'fuzz_%s ' "$@")

seeds=$folder/seeds
rm -rf "$seeds"
mkdir -p "$seeds" "$folder/findings"
for target in "$@"; do mkdir -p "$seeds/$target" "$folder/corpus/$target"; done
python3 "$root/tests/fuzz/make_seeds.py" "$root" "$seeds"

failed=
for target in "$@"; do
  echo "fuzz: $target, $seconds s"
  log=$folder/$target.log
  # 30 s for one input: far beyond what any takes, but for a machine with much else to do.
  if "$folder/tests/fuzz/fuzz_$target" "$folder/corpus/$target" "$seeds/$target" -max_total_time="$seconds" \
    -max_len=8192 -timeout=30 -rss_limit_mb=2048 -malloc_limit_mb=300 -print_final_stats=1 -print_funcs=0 \
    -artifact_prefix="$folder/findings/$target-" > "$log" 2>&1; then
    grep '^stat::' "$log"
  else
    tail -n 60 "$log"
    failed="$failed $target"
  fi
done
[ -z "$failed" ] || { echo "findings in:$failed"; exit 1; }
