#!/usr/bin/env python3
"""GGUF files that gguf-py writes read as gguf-py reads them, block types dequantized.

usage: check_gguf.py PROGRAM [SEED]

Random blocks of every type that gguf-py can dequantize go through a plan to a safetensors file whose values must be
those of gguf.quants.dequantize bit for bit, NaNs aside. `inspect` must give names, shapes and the digests of the bytes
that are stored. Plain types: check_round_trips.py.
"""
import hashlib
import json
import os
import subprocess
import sys

import gguf
import numpy as np
from safetensors.numpy import load_file

import peers
from record_gguf_blocks import decodable

# What gguf-py decodes and we do not: types that index large code books.
REFUSED = {"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"}
PLAN = """inputs: [%s]
transforms:
  - ones: {target: one more, shape: [1]}
output: out.safetensors
"""


def write(path, name, blocks, kind):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_uint32("llama.block_count", 3)
    writer.add_array("tokenizer.ggml.tokens", ["a"] * 100)
    writer.add_tensor(name, blocks, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def blocks_of(kind, rng):
    """Three rows of four blocks of random bytes."""
    return rng.integers(0, 256, (3, 4 * gguf.GGML_QUANT_SIZES[kind][1]), dtype=np.uint8)


def same_floats(left, right):
    """None, or what differs; any NaN equals any other."""
    if left.shape != right.shape or left.dtype != right.dtype:
        return "%s %s, expected %s %s" % (left.dtype, left.shape, right.dtype, right.shape)
    equal = (left.view("u4") == right.view("u4")) | (np.isnan(left) & np.isnan(right))
    return None if equal.all() else "%d of %d values differ" % ((~equal).sum(), equal.size)


def inspect(program, path):
    done = subprocess.run([program, "inspect", path, "--json", "--digest"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def check_blocks(program, folder, kind, rng, tally):
    path = os.path.join(folder, "in.gguf")
    blocks = blocks_of(kind, rng)
    write(path, "w", blocks, kind)
    status, out, message = inspect(program, path)
    if kind.name in REFUSED:
        tally.check(kind.name + " refused", None if status == 3 and kind.name in message else message or "accepted")
        return
    if status != 0:
        tally.check(kind.name, message)
        return
    listed = json.loads(out)["tensors"][0]
    expected = [kind.name, hashlib.sha256(blocks.tobytes()).hexdigest()]
    tally.check(kind.name + " listed", None if [listed["dtype"], listed["sha256"]] == expected else str(listed))
    problem = peers.run_plan(program, PLAN % path, folder)
    if problem is None:
        with np.errstate(all="ignore"):
            values = gguf.quants.dequantize(blocks, kind).astype(np.float32)
        problem = same_floats(load_file(os.path.join(folder, "out.safetensors"))["w"], values)
    tally.check(kind.name + " values", problem)


def main():
    program = peers.program_from_arguments()
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    tally = peers.Tally()
    with peers.scratch() as folder:
        for kind in decodable():
            check_blocks(program, folder, kind, rng, tally)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
