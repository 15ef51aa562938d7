#!/usr/bin/env python3
"""record_gguf_blocks.py FILE: records random blocks of every type that gguf-py can dequantize, and the values it gives.

Run by hand with gguf 0.19 installed whenever a type is added; FILE is checked in as tests/corpus/gguf/blocks.json and
compared bit for bit by tests/unit/formats/gguf_blocks_test.cpp. One line a type: [name, blocks as hex, float32 values as hex].
"""
import json
import sys

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

PLAIN = {"F32", "F16", "BF16", "F64", "I8", "I16", "I32", "I64"}


def finite_blocks(kind, count, seed):
    """Random bytes whose values are all finite: the payload of a NaN is not specified."""
    rng = np.random.default_rng(seed)
    size = GGML_QUANT_SIZES[kind][1]
    kept = []
    while len(kept) < count:
        block = rng.integers(0, 256, size, dtype=np.uint8)
        with np.errstate(all="ignore"):
            if np.isfinite(dequantize(block.reshape(1, -1), kind)).all():
                kept.append(block)
    return np.stack(kept)


def decodable():
    """Types with blocks that gguf-py can dequantize."""
    for kind in GGMLQuantizationType:
        if kind.name in PLAIN:
            continue
        try:
            dequantize(np.zeros((1, GGML_QUANT_SIZES[kind][1]), np.uint8), kind)
        except NotImplementedError:
            continue
        yield kind


def main():
    lines = []
    for kind in decodable():
        blocks = finite_blocks(kind, 2 if GGML_QUANT_SIZES[kind][0] == 256 else 4, seed=int(kind))
        values = dequantize(blocks, kind).astype("<f4")
        lines.append(json.dumps([kind.name, blocks.tobytes().hex(), values.tobytes().hex()]))
    with open(sys.argv[1], "w") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
