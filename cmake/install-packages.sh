#!/bin/sh
# Installs what is missing of the packages in cmake/packages.txt, and of those named as arguments.
# Usage: sh cmake/install-packages.sh [PACKAGE ...]
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
wanted="$(sed 's/#.*//' "$root/cmake/packages.txt") $*"

if ! command -v dpkg-query > /dev/null; then
  echo "packages: this is not Debian; building needs its equivalents of:" $wanted
  exit 0
fi

missing=
for package in $wanted; do
  if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" != installed ]; then
    missing="$missing $package"
  fi
done
if [ -z "$missing" ]; then
  echo "packages: all there"
  exit 0
fi

if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo > /dev/null; then
  as_root=sudo
else
  echo "packages: these are missing, and neither root nor sudo is at hand to install them:$missing" >&2
  echo "packages: have them installed (apt-get install$missing) and run this again" >&2
  exit 1
fi
echo "packages: installing$missing"
$as_root apt-get -q update
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing
