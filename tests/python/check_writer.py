#!/usr/bin/env python3
"""What the program writes equals, byte for byte, what safetensors.torch.save_file writes for the same tensors and
metadata.

usage: check_writer.py PROGRAM

Checkpoints of every dtype, odd names, empty and scalar tensors and several kinds of metadata go through plans whose
results torch computes here; sharded output is held against save_file shard by shard. The library keeps metadata in a
hash map, so that with two keys or more their order in its file is by chance: then headers are compared as values.
"""
import json
import os
import sys

import torch
from safetensors.torch import save_file

import peers

DTYPES = [torch.bool, torch.uint8, torch.int8, torch.uint16, torch.int16, torch.uint32, torch.int32, torch.uint64,
          torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64,
          torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu]
SHAPES = [[], [1], [3], [0], [2, 0, 3], [5, 7], [2, 3, 4], [1, 1, 1, 1, 2]]
ODD_NAMES = ["a", "A", "a.b", "z", "h.10.w", "h.9.w", "with space", "quote\"", "back\\slash", "tab\there",
             "line\nbreak", "é", "名前", "\U0001f9e0", "slash/", "del\x7f", "nul\x00", "esc\x1b", "-", "::colons", "[brackets]",
             "__metadata", ""]
METADATA = [None, {}, {"format": "pt"}, {"format": "np"}, {"note": "ä \"quoted\" \\ \n end"},
            {"format": "pt", "a": "1", "b": "2"}]


def bits(dtype, shape, seed):
    """A tensor of any bytes at all, NaNs of every kind among them; booleans are 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    count = 1
    for length in shape:
        count *= length
    size = torch.empty(0, dtype=dtype).element_size()
    data = torch.randint(0, 2 if dtype == torch.bool else 256, (count * size,), dtype=torch.uint8, generator=generator)
    return data.view(dtype).reshape(shape) if count else torch.empty(shape, dtype=dtype)


def normals(shape, seed, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def every_dtype():
    return {"%s_%d" % (str(dtype).split(".")[1], i): bits(dtype, shape, 100 * d + i)
            for d, dtype in enumerate(DTYPES) for i, shape in enumerate(SHAPES)}


def odd_names():
    return {name: normals([2, 3], i, torch.float16 if i % 2 else torch.float32) for i, name in enumerate(ODD_NAMES)}


def layers():
    tensors = {"wte": normals([40, 8], 1)}
    for i in range(12):
        tensors["h.%d.w" % i] = normals([8, 8], 10 + i)
        tensors["h.%d.b" % i] = normals([8], 30 + i, torch.bfloat16)
    return tensors


def expected_metadata(metadata):
    return {"format": "pt", **(metadata or {})}


def headers_agree(left, right):
    """The same header but for the order of the metadata, and the same data."""
    parts = []
    for path in (left, right):
        with open(path, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size))
            metadata = header.pop("__metadata__", None)
            parts.append((size, metadata, list(header.items()), file.read()))
    for what, one, other in zip(("header size", "metadata", "tensors", "data"), *parts):
        if one != other:
            return "%s differ" % what if what == "data" else "%s: %r, expected %r" % (what, one, other)
    return None


def compare(actual, tensors, metadata, folder):
    wanted = os.path.join(folder, "wanted.safetensors")
    save_file(tensors, wanted, metadata=metadata)
    return headers_agree(actual, wanted) if len(metadata) > 1 else peers.same_file(actual, wanted)


def check_single(program, tensors, metadata, steps, edit):
    """`edit` does to the dictionary what `steps` does to the checkpoint."""
    with peers.scratch() as folder:
        save_file(tensors, os.path.join(folder, "in.safetensors"), metadata=metadata)
        plan = "inputs: [in.safetensors]\ntransforms:\n%soutput: out.safetensors\n" % steps
        problem = peers.run_plan(program, plan, folder)
        if problem:
            return problem
        result = {name: tensor.clone() for name, tensor in tensors.items()}
        edit(result)
        return compare(os.path.join(folder, "out.safetensors"), result, expected_metadata(metadata), folder)


ONE_MORE = "  - ones: {target: 'new one', shape: [3]}\n"


def add_one(tensors):
    tensors["new one"] = torch.ones(3)


def edit_layers(tensors):
    for i in range(12):
        weight = tensors.pop("h.%d.w" % i)
        tensors["block.%d.weight" % i] = (weight * 0.3).to(torch.float16)
        tensors["block.%d.turned" % i] = weight.t().contiguous()
    tensors["all"] = torch.cat([tensors["h.%d.b" % i] for i in (0, 1, 2)])
    tensors["wte"][3:7] = 0
    del tensors["h.11.b"]


EDIT_LAYERS = r"""  - permute: {from: 'h\.(\d+)\.w', to: 'block.\1.turned', order: [1, 0]}
  - scale_: {target: 'h\.\d+\.w', by: 0.3}
  - cast_: {target: 'h\.\d+\.w', to: float16}
  - move: {from: 'h\.(\d+)\.w', to: 'block.\1.weight'}
  - concat: {from: [h.0.b, h.1.b, h.2.b], to: all}
  - fill_: {target: 'model::wte::[3:7]', mode: constant, value: 0}
  - delete: {target: h.11.b}
"""


def shards_of(tensors, budget):
    """The greedy rule: a tensor starts a new shard if it does not fit the current one."""
    shards, current, used = [], {}, 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        if current and used + size > budget:
            shards.append(current)
            current, used = {}, 0
        current[name] = tensor
        used += size
    return shards + [current]


def check_shards(program, budget):
    """Key order is the input file's own: load order, then order of creation."""
    with peers.scratch() as folder:
        tensors = dict(sorted({"t%02d" % i: normals([i + 1, 5], i) for i in range(20)}.items()))
        save_file(tensors, os.path.join(folder, "in.safetensors"), metadata={"format": "pt"})
        plan = ("inputs: [in.safetensors]\ntransforms:\n" + ONE_MORE + "output: {path: out, shard: %dB}\n" % budget)
        problem = peers.run_plan(program, plan, folder)
        if problem:
            return problem
        add_one(tensors)
        shards = shards_of(tensors, budget)
        total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
        index = {"metadata": {"total_size": total}, "weight_map": {}}
        for i, shard in enumerate(shards, 1):
            name = "model-%05d-of-%05d.safetensors" % (i, len(shards))
            index["weight_map"].update({key: name for key in shard})
            path = os.path.join(folder, "out", name)
            if not os.path.exists(path):
                return "there is no %s among %s" % (name, sorted(os.listdir(os.path.join(folder, "out"))))
            problem = compare(path, shard, {"format": "pt"}, folder)
            if problem:
                return problem
        with open(os.path.join(folder, "out", "model.safetensors.index.json"), encoding="utf-8") as file:
            written = json.load(file)
        return None if written == index else "the index differs: %s" % written


def main():
    program, tally = peers.program_from_arguments(), peers.Tally()
    for metadata in METADATA:
        for make in (every_dtype, odd_names, layers):
            tally.check("%s with metadata %r" % (make.__name__, metadata),
                        check_single(program, make(), metadata, ONE_MORE, add_one))
    tally.check("edited layers", check_single(program, layers(), {"format": "pt"}, EDIT_LAYERS, edit_layers))
    tally.check("a single tensor", check_single(program, {"x": torch.zeros(1)}, None, "  - move: {from: x, to: y}\n",
                                                lambda tensors: tensors.update(y=tensors.pop("x"))))
    for budget in (1, 100, 400, 401, 1000, 100000):
        tally.check("shards of %d bytes" % budget, check_shards(program, budget))
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
