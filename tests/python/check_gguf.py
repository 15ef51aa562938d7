#!/usr/bin/env python3
"""GGUF files that gguf-py writes read as gguf-py reads them, block types dequantized, and are written as it writes them.

usage: check_gguf.py PROGRAM [SEED]

Random blocks of every type that gguf-py can dequantize go through a plan to a safetensors file whose values must be
those of gguf.quants.dequantize bit for bit, NaNs aside. `inspect` must give names, shapes and the digests of the bytes
that are stored. A file that is only copied or renamed keeps every byte of its blocks and metadata. Plain types:
check_round_trips.py.
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

# What gguf-py decodes and we only copy: types that index large code books.
UNDECODED = {"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"}
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
    if status != 0:
        tally.check(kind.name, message)
        return
    listed = json.loads(out)["tensors"][0]
    expected = [kind.name, hashlib.sha256(blocks.tobytes()).hexdigest()]
    tally.check(kind.name + " listed", None if [listed["dtype"], listed["sha256"]] == expected else str(listed))
    problem = peers.run_plan(program, PLAN % path, folder)
    if kind.name in UNDECODED:
        tally.check(kind.name + " not decoded", None if problem and kind.name in problem else problem or "decoded")
        return
    if problem is None:
        with np.errstate(all="ignore"):
            values = gguf.quants.dequantize(blocks, kind).astype(np.float32)
        problem = same_floats(load_file(os.path.join(folder, "out.safetensors"))["w"], values)
    tally.check(kind.name + " values", problem)


def write_model(path, rng, alignment):
    """A file with every type of value and of block."""
    writer = gguf.GGUFWriter(path, "llama")
    if alignment:
        writer.add_custom_alignment(alignment)
    writer.add_block_count(1)
    writer.add_file_type(7)
    writer.add_quantization_version(2)
    writer.add_name("a name \u00e9 with\n\"quotes\"")
    writer.add_token_list([b"<s>", b"\xff\xfe", "a\n\"b", "\u20ac"] * 1000)
    writer.add_token_merges(["a b", "\u0120 c"])
    writer.add_token_scores([0.1, float("nan"), float("-inf"), 1e-30])
    writer.add_token_types([3, 3, 1, 1])
    for name, value in (("uint8", 255), ("int8", -1), ("uint16", 65535), ("int16", -2), ("uint32", 1 << 31), ("int32", -3),
                        ("float32", 1e-5), ("uint64", 1 << 63), ("int64", -1 << 63), ("float64", 1e300), ("bool", True),
                        ("string", "x"), ("array", [True, False])):
        getattr(writer, "add_" + name)("of." + name, value)
    writer.add_string("odd:u32", "7")
    writer.add_string("format", "pt")
    for kind in decodable():
        writer.add_tensor("blk.0.%s.weight" % kind.name.lower(), blocks_of(kind, rng), raw_dtype=kind)
    writer.add_tensor("norm.weight", rng.standard_normal(7).astype(np.float32))
    writer.add_tensor("half.weight", rng.standard_normal((3, 5)).astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def fields(reader):
    return {name: ([int(kind) for kind in field.types], b"".join(part.tobytes() for part in field.parts))
            for name, field in reader.fields.items()}


def check_copies(program, folder, rng, tally):
    for alignment in (None, 64):
        path, out = os.path.join(folder, "model.gguf"), os.path.join(folder, "out.gguf")
        write_model(path, rng, alignment)
        done = subprocess.run([program, "convert", path, out], capture_output=True, text=True, timeout=60)
        same = done.returncode == 0 and open(path, "rb").read() == open(out, "rb").read()
        tally.check("copy, alignment %s" % alignment, None if same else "not the same bytes: " + done.stderr)
        problem = peers.run_plan(program, "inputs: [%s]\ntransforms:\n  - move: {from: 'blk[.](.+)', to: 'layers.\\1'}\n"
                                 "output: out.gguf\n" % path, folder)
        if problem is None:
            before, after = gguf.GGUFReader(path), gguf.GGUFReader(out)
            if fields(before) != fields(after):
                problem = "other metadata"
            old = {t.name.replace("blk.", "layers."): (t.tensor_type, t.data.tobytes()) for t in before.tensors}
            if old != {t.name: (t.tensor_type, t.data.tobytes()) for t in after.tensors}:
                problem = "other tensors"
        tally.check("rename, alignment %s" % alignment, problem)


EDITED = """inputs: [%s]
transforms:
  - metadata:
      drop: ['of[.]int8:i8']
      set: {'of.uint32:u32': 40, 'of.bool:bool': false, 'of.float32:f32': 0.25, 'of.array:bool[]': [false, true, true],
            'new.words:string[]': ['<s>', 'a "b"'], 'new.count:u64': '%d', general.name: renamed}
output: out.gguf
"""


def check_edits(program, folder, rng, tally):
    path, out = os.path.join(folder, "model.gguf"), os.path.join(folder, "out.gguf")
    write_model(path, rng, None)
    problem = peers.run_plan(program, EDITED % (path, 1 << 63), folder)
    if problem is None:
        before, after = gguf.GGUFReader(path), gguf.GGUFReader(out)
        wanted = {"of.uint32": 40, "of.bool": False, "of.float32": 0.25, "of.array": [False, True, True],
                  "new.words": ["<s>", 'a "b"'], "new.count": 1 << 63, "general.name": "renamed"}
        got = {name: after.get_field(name).contents() for name in wanted}
        kept = {name: field for name, field in fields(before).items() if name not in wanted and name != "of.int8"
                and not name.startswith("GGUF.")}
        left = {name: field for name, field in fields(after).items() if name not in wanted and not name.startswith("GGUF.")}
        types = {name: after.get_field(name).types for name in ("of.uint32", "of.float32", "of.bool")}
        if got != wanted:
            problem = "metadata: %s" % got
        elif kept != left:
            problem = "other pairs changed: %s" % sorted(set(kept) ^ set(left))
        elif types != {name: before.get_field(name).types for name in types}:
            problem = "types: %s" % types
    tally.check("metadata with types", problem)
    for key, value in (("of.uint32:u32", "-1"), ("of.array:bool[]", "[1.5]")):
        problem = peers.run_plan(program, "inputs: [%s]\ntransforms:\n  - metadata: {set: {'%s': %s}}\noutput: out.gguf\n"
                                 % (path, key, value), folder)
        tally.check("refused: " + key, None if problem and "is not a value of type" in problem else problem or "not refused")


def main():
    program = peers.program_from_arguments()
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    tally = peers.Tally()
    with peers.scratch() as folder:
        for kind in decodable():
            check_blocks(program, folder, kind, rng, tally)
        check_copies(program, folder, rng, tally)
        check_edits(program, folder, rng, tally)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
