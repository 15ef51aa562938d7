#!/usr/bin/env python3
"""Writes tests/corpus/dcp, distributed checkpoints with one idea each, and prints their rows of manifest.json.

usage: make_dcp_specimens.py FOLDER      (needs torch 2.13; some of what it writes is hostile to pickle.load)
"""
import hashlib
import io
import json
import os
import pickle
import shutil
import sys

import torch
from torch.distributed.checkpoint.filesystem import _StorageInfo
from torch.distributed.checkpoint.metadata import (BytesStorageMetadata, ChunkStorageMetadata, Metadata, MetadataIndex,
                                                   TensorProperties, TensorStorageMetadata)

FOLDER = sys.argv[1]
NAMES = {torch.float32: "F32", torch.int16: "I16", torch.bfloat16: "BF16"}


class Specimen:
    def __init__(self):
        self.files = {}  # name: bytes
        self.metadata = Metadata(state_dict_metadata={}, planner_data={}, storage_data={}, storage_meta=None)

    def describe(self, name, tensor, boxes):
        chunks = [ChunkStorageMetadata(torch.Size(at), torch.Size(size)) for at, size in boxes]
        self.metadata.state_dict_metadata[name] = TensorStorageMetadata(
            TensorProperties(dtype=tensor.dtype), torch.Size(tensor.shape), chunks)

    def put(self, item, file):
        buffer = io.BytesIO()
        torch.save(item, buffer)
        data = self.files.setdefault(file, b"")
        self.files[file] = data + buffer.getvalue()
        return _StorageInfo(file, len(data), buffer.tell())

    def place(self, name, at, info, index=0):
        self.metadata.storage_data[MetadataIndex(name, None if at is None else torch.Size(at), index)] = info

    def tensor(self, name, tensor, boxes=None, file="__0_0.distcp"):
        """Stores the tensor in these boxes (offsets, sizes)."""
        boxes = boxes or [((0,) * tensor.dim(), tuple(tensor.shape))]
        self.describe(name, tensor, boxes)
        for index, (at, size) in enumerate(boxes):
            part = tensor[tuple(slice(a, a + n) for a, n in zip(at, size))].clone()
            self.place(name, at, self.put(part, file), index)
        return self

    def info(self, name):
        return next(info for index, info in self.metadata.storage_data.items() if index.fqn == name)


class Evil:
    def __reduce__(self):
        return open, ("PWNED", "w")


def content(*shape, dtype=torch.float32):
    return (torch.arange(torch.Size(shape).numel()).reshape(shape) - 3).to(dtype)


def row(name, tensor):
    data = tensor.contiguous().view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    return [name, NAMES[tensor.dtype], list(tensor.shape), hashlib.sha256(data).hexdigest()]


def specimens():
    w, b = content(2, 3), content(5, dtype=torch.int16)
    plain = lambda: Specimen().tensor("w", w).tensor("b.c", b)
    accepted = [row("w", w), row("b.c", b)]

    s = plain()
    s.metadata.state_dict_metadata["step"] = BytesStorageMetadata()
    s.place("step", None, s.put(3, "__0_0.distcp"), None)
    yield "plain", "two tensors and an object", s, accepted

    big = content(4, 6, dtype=torch.bfloat16)
    boxes = [((0, 0), (4, 2)), ((0, 2), (1, 4)), ((1, 2), (3, 1)), ((1, 3), (3, 3))]
    s = Specimen().tensor("big", big, boxes[:2]).tensor("w", w, file="__1_0.distcp")
    s.describe("big", big, boxes)
    for index, (at, size) in enumerate(boxes[2:], 2):
        part = big[at[0]:at[0] + size[0], at[1]:at[1] + size[1]].clone()
        s.place("big", at, s.put(part, "__1_0.distcp"), index)
    yield "parts", "a tensor in four parts of two files", s, [row("big", big), row("w", w)]

    cube = content(4, 2, 3)
    yield "empty_part", "a part without elements beside the whole", Specimen().tensor(
        "cube", cube, [((0, 0, 0), (4, 2, 3)), ((1, 0, 1), (2, 0, 2))]), [row("cube", cube)]
    none = content(5, 0, 3)
    yield "empty_tensor", "parts of a tensor without elements", Specimen().tensor(
        "none", none, [((0, 0, 0), (2, 0, 2)), ((2, 0, 0), (3, 0, 3))]), [row("none", none)]

    yield "overlap", "parts that overlap", Specimen().tensor("w", w, [((0, 0), (2, 2)), ((0, 1), (2, 2))]), None
    yield "missing", "a part is missing", Specimen().tensor("w", w, [((0, 0), (2, 2))]), None
    s = plain()
    s.place("w", (0, 2), s.metadata.storage_data.pop(MetadataIndex("w", torch.Size((0, 0)), 0)))
    yield "outside", "a part that reaches out of its tensor", s, None
    for idea, path in (("path_up", "../__0_0.distcp"), ("path_absolute", "/__0_0.distcp"),
                       ("path_down", "sub/__0_0.distcp"), ("path_nul", "a\0.distcp"), ("path_other", "weights.bin"),
                       ("path_dots", ".."), ("path_missing", "__7_7.distcp")):
        s = plain()
        s.info("w").relative_path = path
        yield idea, "a data file that is not the name of one in the directory", s, None
    for idea, field, value in (("offset_beyond", "offset", 1 << 40), ("offset_negative", "offset", -1),
                               ("offset_huge", "offset", 1 << 63), ("length_beyond", "length", (1 << 63) - 1),
                               ("length_zero", "length", 0), ("length_long", "length", (1 << 500) - 1)):
        s = plain()
        setattr(s.info("b.c"), field, value)
        yield idea, "a place outside of the file", s, None
    s = plain()
    s.info("w").transform_descriptors = ["zstd"]
    yield "transformed", "compressed data", s, None
    s = plain()
    s.describe("w", w.to(torch.bfloat16), [])
    yield "dtype", "the part is of another dtype", s, None
    s = plain()
    s.describe("w", content(6), [])
    yield "rank", "the part has another number of dimensions", s, None
    s = plain()
    s.describe("ghost", w, [])
    yield "nowhere", "a tensor without a place", s, None
    s = plain()
    s.metadata.state_dict_metadata["w2"] = s.metadata.state_dict_metadata["w"]
    s.place("w2", (0, 0), s.info("w"))
    yield "shared_place", "two tensors in one place: each read would parse it again", s, None
    s = plain()
    s.metadata.state_dict_metadata["w"].size = (1 << 62, 1 << 62)
    yield "overflow", "a size that overflows", s, None
    s = plain()
    s.metadata.planner_data = Evil()
    yield "evil_metadata", "the metadata ask for a function", s, None
    s = Specimen().tensor("w", w)
    s.place("w", (0, 0), s.put({"w": Evil()}, "__0_0.distcp"))
    yield "evil_part", "a part asks for a function", s, None
    s = Specimen().tensor("w", w)
    s.place("w", (0, 0), s.put({"w": w}, "__0_0.distcp"))
    yield "not_a_tensor", "a part that is a dict", s, None
    s = plain()
    s.metadata.storage_data = [s.metadata.storage_data]
    yield "not_a_dict", "the places are a list", s, None
    yield "not_metadata", "the metadata are a dict", {"w": w.tolist()}, None


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    for number, (idea, reason, specimen, tensors) in enumerate(specimens(), 1):
        name = f"{number:03}_{idea}"
        folder = os.path.join(FOLDER, name)
        os.makedirs(folder)
        is_whole = isinstance(specimen, Specimen)
        for file, data in (specimen.files if is_whole else {"__0_0.distcp": b""}).items():
            with open(os.path.join(folder, file), "wb") as out:
                out.write(data)
        with open(os.path.join(folder, ".metadata"), "wb") as out:
            pickle.dump(specimen.metadata if is_whole else specimen, out, protocol=4)
        case = {"file": f"dcp/{name}/.metadata", "verdict": "accept" if tensors else "reject", "strictness": "must",
                "reason": reason}
        if tensors:
            case["tensors"] = tensors
        print(json.dumps(case, separators=(",", ":")) + ",")


main()
