#!/usr/bin/env python3
"""Two small models for the tests of the page, and what NumPy finds in them.

    python3 make_models.py FOLDER      # base.safetensors, tuned.safetensors, expected.json
"""
import json
import os
import struct
import sys

import numpy as np

LAYERS, WIDTH = 6, 48


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": {"float32": "F32", "float16": "F16", "int64": "I64"}[str(array.dtype)],
                        "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            file.write(array.tobytes())


def model(random):
    tensors = {"wte.weight": random.normal(0, 0.02, (300, WIDTH)).astype(np.float32)}
    for i in range(LAYERS):
        scale = 0.02 * (1 + i)
        tensors |= {f"h.{i}.attn.weight": random.normal(0, scale, (WIDTH, 3 * WIDTH)).astype(np.float32),
                    f"h.{i}.attn.bias": np.zeros(3 * WIDTH, np.float32),
                    f"h.{i}.mlp.weight": random.normal(0, 0.03, (WIDTH, 4 * WIDTH)).astype(np.float16),
                    f"h.{i}.ln.weight": np.ones(WIDTH, np.float32)}
    tensors["h.0.attn.weight"][7, 11] = 3.0
    tensors["h.3.attn.weight"][5] = 0
    tensors["ids"] = np.arange(12, dtype=np.int64)
    tensors["<b>bold</b>\x1b[31m"] = np.ones(2, np.float32)
    return tensors


def facts(array):
    values = array.astype(np.float64)
    matrix = values.reshape(array.shape[0], -1) if array.ndim > 1 else values.reshape(1, -1)
    counts, _ = np.histogram(values, 100, (values.min(), values.max()))
    return {"min": values.min(), "max": values.max(), "mean": values.mean(), "std": values.std(ddof=1) if values.size > 1 else 0,
            "l2": np.linalg.norm(values), "zeros": int((values == 0).sum()), "counts": counts.tolist(),
            "corner": matrix[:12, :8].tolist(), "row_norms": np.linalg.norm(matrix, axis=1).tolist(),
            "largest": np.abs(matrix).tolist() if matrix.shape[0] <= 128 and matrix.shape[1] <= 128 else None}


def main(folder):
    os.makedirs(folder, exist_ok=True)
    random = np.random.default_rng(1)
    base = model(random)
    tuned = {name: array + (0.01 * array if name.endswith("mlp.weight") else 0 * array).astype(array.dtype)
             for name, array in base.items()}
    write_safetensors(f"{folder}/base.safetensors", base)
    write_safetensors(f"{folder}/tuned.safetensors", tuned)
    change = {name: float(np.linalg.norm(tuned[name].astype(np.float64) - base[name]) / np.linalg.norm(base[name].astype(np.float64)))
              for name in base if np.linalg.norm(base[name].astype(np.float64)) > 0}
    with open(f"{folder}/expected.json", "w") as file:
        json.dump({"tensors": {name: facts(array) for name, array in base.items()}, "change": change}, file)


if __name__ == "__main__":
    main(sys.argv[1])
