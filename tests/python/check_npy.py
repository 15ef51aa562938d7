#!/usr/bin/env python3
"""Arrays that NumPy writes read as NumPy reads them.

usage: check_npy.py PROGRAM

numpy.save, savez and savez_compressed write every dtype in row- and column-major order and both byte orders; `inspect`
must list each with the digest of its row-major little-endian bytes, and a plan must give the same values.
"""
import hashlib
import json
import os
import subprocess
import sys

import numpy as np
from safetensors.numpy import load_file

import peers

TYPES = {"?": "BOOL", "i1": "I8", "u1": "U8", "i2": "I16", "u2": "U16", "i4": "I32", "u4": "U32", "i8": "I64", "u8": "U64",
         "f2": "F16", "f4": "F32", "f8": "F64", "c8": "C64"}
SHAPES = [(), (1,), (5,), (0,), (3, 7), (2, 3, 5), (4, 1, 3), (2, 0, 3), (1,) * 30]
PLAN = """inputs: [%s]
transforms:
  - ones: {target: one more, shape: [1]}
output: out.safetensors
"""


def arrays():
    rng = np.random.default_rng(0)
    for kind in TYPES:
        for shape in SHAPES:
            values = rng.integers(0, 2 if kind == "?" else 100, shape)
            for order in "<>":
                for layout in "CF":
                    yield np.array(values, dtype=np.dtype(kind).newbyteorder(order), order=layout)


def plain(array):
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).reshape(array.shape)


def expected(name, array):
    kind = "?" if array.dtype.kind == "b" else array.dtype.str[1:]
    return [name, TYPES[kind], list(array.shape), hashlib.sha256(plain(array).tobytes()).hexdigest()]


def listed(program, path):
    """The rows that `inspect` gives, or its message."""
    done = subprocess.run([program, "inspect", path, "--json", "--digest"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60)
    if done.returncode != 0:
        return done.stderr.decode(errors="replace")
    return [[t["name"], t["dtype"], t["shape"], t["sha256"]] for t in json.loads(done.stdout)["tensors"]]


def compare(got, wanted):
    return None if got == wanted else "got %s, expected %s" % (got if isinstance(got, str) else
                                                              [row for row in got if row not in wanted],
                                                              [row for row in wanted if row not in got])


def check_archive(program, folder, save, named, tally):
    path = os.path.join(folder, save.__name__ + ".npz")
    save(path, **named)
    wanted = sorted(expected(name, array) for name, array in named.items())
    tally.check(save.__name__, compare(listed(program, path), wanted))
    problem = peers.run_plan(program, PLAN % path, folder)
    if problem is None:
        read = load_file(os.path.join(folder, "out.safetensors"))
        differing = [name for name, array in named.items() if not np.array_equal(read[name], plain(array))]
        problem = "differing: %s" % differing if differing else None
    tally.check(save.__name__ + " values", problem)


def main():
    program = peers.program_from_arguments()
    tally = peers.Tally()
    named = {"layer.%d/weight_with_a_name_that_is_long" % i: array for i, array in enumerate(arrays())}
    with peers.scratch() as folder:
        path = os.path.join(folder, "a.npy")
        for array in named.values():
            np.save(path, array)
            tally.check("%s %s" % (array.dtype.str, array.shape), compare(listed(program, path), [expected("", array)]))
        check_archive(program, folder, np.savez, named, tally)
        check_archive(program, folder, np.savez_compressed, named, tally)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
