#!/bin/sh
# Makes the virtual environment VENV with what requirements.txt lists; returns at once when it is complete.
# Usage: sh tests/python/setup-peers.sh VENV
set -eu
venv=${1:?usage: setup-peers.sh VENV}
requirements=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)/requirements.txt

if [ -f "$venv/complete" ] && cmp -s "$requirements" "$venv/complete"; then
  echo "peers: $venv is complete"
  exit 0
fi
echo "peers: making $venv"
rm -rf "$venv"
mkdir -p "$(dirname -- "$venv")"
python3 -m venv "$venv"
"$venv/bin/python" -m pip --quiet install -r "$requirements"
"$venv/bin/python" -c 'import numpy, safetensors.torch, torch, yaml; print("peers: torch", torch.__version__)'
cp "$requirements" "$venv/complete"
