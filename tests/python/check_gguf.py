#!/usr/bin/env python3
"""GGUF files that gguf-py writes read as gguf-py reads them, block types dequantized.

usage: check_gguf.py PROGRAM [SEED]

Random blocks of every type that gguf-py can dequantize, and plain tensors of every type, go through a plan to a
safetensors file whose values must be those of gguf.quants.dequantize bit for bit, NaNs aside. `inspect` must give
names, shapes and the digests of the bytes that are stored.
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
PLAIN = ["f4", "f2", "f8", "i1", "i2", "i4", "i8"]
SHAPES = [(1,), (5,), (3, 7), (2, 3, 5), (2, 1, 3, 2)]
PLAN = """inputs: [%s]
transforms:
  - ones: {target: one more, shape: [1]}
output: out.safetensors
"""


def write(path, tensors):
    """TENSORS: name -> (array as gguf-py takes it, block type or None)."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_uint32("llama.block_count", 3)
    writer.add_array("tokenizer.ggml.tokens", ["a"] * 100)
    for name, (array, kind) in tensors.items():
        writer.add_tensor(name, array, raw_dtype=kind)
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
    write(path, {"w": (blocks, kind)})
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


def check_plain(program, folder, rng, tally):
    path = os.path.join(folder, "plain.gguf")
    tensors = {"%s_%d" % (dtype, i): rng.integers(0, 100, shape).astype(dtype)
               for dtype in PLAIN for i, shape in enumerate(SHAPES)}
    write(path, {name: (array, None) for name, array in tensors.items()})
    problem = peers.run_plan(program, PLAN % path, folder)
    tally.check("plain tensors are read", problem)
    if problem is not None:
        return
    read = load_file(os.path.join(folder, "out.safetensors"))
    for name, array in tensors.items():
        same = name in read and read[name].dtype == array.dtype and np.array_equal(read[name], array)
        tally.check(name, None if same else "differs")


def main():
    program = peers.program_from_arguments()
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    tally = peers.Tally()
    with peers.scratch() as folder:
        for kind in decodable():
            check_blocks(program, folder, kind, rng, tally)
        check_plain(program, folder, rng, tally)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
