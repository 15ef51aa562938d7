#!/bin/sh
# Installs missing packages, configures with Ninja and builds.
# Usage: [BS_TARGET=NAME] sh cmake/build.sh FOLDER [CMAKE_OPTION ...]
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
folder=${1:?usage: build.sh FOLDER [CMAKE_OPTION ...]}
shift

sh "$root/cmake/install-packages.sh"
if command -v ccache > /dev/null; then
  # Another checkout of the same sources finds what this one compiled.
  CCACHE_BASEDIR=$root
  CCACHE_NOHASHDIR=1
  export CCACHE_BASEDIR CCACHE_NOHASHDIR
  set -- -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "$@"
fi
echo "configure: $folder"
cmake -S "$root" -B "$folder" -G Ninja "$@"
echo "build: $folder"
cmake --build "$folder" ${BS_TARGET:+--target "$BS_TARGET"}
