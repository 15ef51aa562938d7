#!/usr/bin/env python3
"""record_safetensors.py DIRECTORY: records what the reference safetensors library writes.

Run by hand, with safetensors 0.8 and torch 2.13 installed, whenever a case is added; the recorded files and inputs.json are
checked in, and tests/unit/formats/layout_test.cpp rebuilds every file from inputs.json and compares all bytes. Byte j of the
k-th tensor of a case is (31 k + j) mod 256. The library writes the 6-bit types from Rust only, so they are not among the cases.
"""
import json
import os
import sys

import torch
from safetensors.torch import save_file

TORCH = {
    "BOOL": torch.bool, "F4": torch.float4_e2m1fn_x2, "U8": torch.uint8, "I8": torch.int8, "F8_E5M2": torch.float8_e5m2, "F8_E4M3": torch.float8_e4m3fn,
    "F8_E8M0": torch.float8_e8m0fnu, "F8_E4M3FNUZ": torch.float8_e4m3fnuz, "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
    "I16": torch.int16, "U16": torch.uint16, "F16": torch.float16, "BF16": torch.bfloat16, "I32": torch.int32,
    "U32": torch.uint32, "F32": torch.float32, "C64": torch.complex64, "F64": torch.float64, "I64": torch.int64,
    "U64": torch.uint64,
}
CONTROLS = "".join(chr(c) for c in range(0x20))

CASES = {
    "empty": ([], {}),
    "empty_with_metadata": ([], {"format": "pt"}),
    "one": ([("w", "F32", [2, 3])], {"format": "pt"}),
    "no_metadata": ([("w", "F32", [2, 3]), ("b", "F32", [3])], {}),
    "all_dtypes": ([(f"t.{d}", d, [2, 4]) for d in TORCH], {"format": "pt"}),
    "names_by_bytes": ([(n, "F16", [1]) for n in ("b", "a.10", "a.2", "B", "a", "é", "z", "Z", "ａ", "\U0001f600", "")], {}),
    "escapes": ([("ctl" + CONTROLS, "U8", [1]), ('quote" back\\ slash/', "U8", [1]), ("del\x7f nel\u0085 ls\u2028", "U8", [1]),
                 ("日本\U0001f9e0", "U8", [1]), ("nul\0", "U8", [1])], {'k"\\\n\x01é': "v\t\x7f\U0001f600/"}),
    "scalars_and_empties": ([("s", "F64", []), ("e", "F32", [0]), ("e2", "F32", [3, 0, 5]), ("f", "F32", [1]), ("e3", "BF16", [0]),
                             ("s2", "BOOL", [])], {"format": "pt"}),
    **{f"padding_{n}": ([("a" * n, "U8", [1])], {}) for n in range(1, 9)},
    "numbered": ([(f"h.{i}.w", "BF16" if i % 2 else "F32", [i + 1, 2]) for i in range(12)], {"format": "pt"}),
}


def tensor(k, dtype, shape):
    stored = shape[:-1] + [shape[-1] // 2] if dtype == "F4" else shape  # torch holds two of them in one element
    made = torch.empty(stored, dtype=TORCH[dtype])
    size = made.numel() * made.element_size()
    if size == 0:
        return made
    return torch.tensor([(31 * k + j) % 256 for j in range(size)], dtype=torch.uint8).view(made.dtype).reshape(stored)


def main():
    directory = sys.argv[1]
    os.makedirs(directory, exist_ok=True)
    record = {}
    for case, (tensors, metadata) in CASES.items():
        path = os.path.join(directory, case + ".safetensors")
        save_file({n: tensor(k, d, s) for k, (n, d, s) in enumerate(tensors)}, path, metadata=metadata or None)
        os.chmod(path, 0o644)
        record[case] = {"tensors": tensors, "metadata": list(metadata.items())}
    with open(os.path.join(directory, "inputs.json"), "w") as f:
        f.write("{\n" + ",\n".join(f"{json.dumps(c)}: {json.dumps(r)}" for c, r in record.items()) + "\n}\n")


main()
