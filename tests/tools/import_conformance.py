#!/usr/bin/env python3
"""Import a corpus of recorded cases into tests/conformance, in a form that a C++ test reads without Python.

usage: import_conformance.py CORPUS [TARGET]

CORPUS holds manifest.json and, per case, NAME/plan.yaml, NAME/in/..., NAME/expect/...; TARGET is tests/conformance
beside this script's folder. Written are
  TARGET/inputs/STEM.DIGEST.EXT   every distinct input file once
  TARGET/cases/AREA.json          the cases of one area: texts, arguments, which inputs stand where, what is expected
Everything else in TARGET stays as it is. Run by hand, with torch, numpy and safetensors installed; the result is
committed.

A case: {"name", "kind": output | error | stdout, "args", "inputs": {path: input file}, "texts": {path: [line, ...]},
"stdin": path, "compare": {"mode", ...}, "may_extend", "note", "expect"}; texts are joined by newlines. "expect" is for
  output  {path: {"tensors": {name: [dtype, shape, hex bytes]}, "container": safetensors | torch | numpy | dcp}
               | {"json": value} | {"text": [line, ...]}}
  stdout  {"stdout": [line, ...]}
  error   {"what": line for the reader}; the words that the message must contain are compare.mention
dtypes are named as safetensors names them, bytes are row-major and little-endian.
"""
import hashlib
import json
import os
import shutil
import sys
import warnings

import numpy as np
import safetensors.torch
import torch

DTYPES = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.int32: "I32", torch.int64: "I64",
    torch.uint16: "U16", torch.uint32: "U32", torch.uint64: "U64", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.float32: "F32", torch.float64: "F64", torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2",
    torch.complex64: "C64",
}
WIDTH = 118


def load_dcp(path):
    from torch.distributed.checkpoint import FileSystemReader, load
    reader = FileSystemReader(path)
    metadata = reader.read_metadata().state_dict_metadata
    tensors = {k: torch.empty(tuple(v.size), dtype=v.properties.dtype) for k, v in metadata.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load(tensors, storage_reader=reader, no_dist=True)
    return tensors


def load_tensors(path):
    """(container, name -> tensor) of a checkpoint file or directory; a bare tensor has the name ''."""
    if os.path.isdir(path):
        return "dcp", load_dcp(path)
    if path.endswith(".safetensors"):
        return "safetensors", safetensors.torch.load_file(path)
    if path.endswith(".npy"):
        array = np.load(path, allow_pickle=False)
        return "numpy", {"": torch.from_numpy(np.ascontiguousarray(array)).reshape(array.shape)}
    value = torch.load(path, map_location="cpu", weights_only=True)
    if torch.is_tensor(value):
        return "torch", {"": value}
    if isinstance(value.get("state_dict"), dict):
        value = value["state_dict"]
    return "torch", dict(value)


def describe(tensor):
    flat = tensor.detach().contiguous().reshape(-1)
    data = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    return [DTYPES[tensor.dtype], list(tensor.shape), data.hex()]


def read_lines(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read().split("\n")


def files_below(root):
    return sorted(os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
                  for folder, _, names in os.walk(root) for name in names)


def expected_output(root):
    result, done = {}, set()
    for path in files_below(root):
        folder = os.path.dirname(path)
        if folder in done:
            continue
        full = os.path.join(root, path)
        if os.path.exists(os.path.join(root, folder, ".metadata")):
            done.add(folder)
            path, full = folder, os.path.join(root, folder)
        if path.endswith(".json"):
            with open(full, encoding="utf-8") as file:
                result["out/" + path] = {"json": json.load(file)}
        elif path.endswith((".yaml", ".yml", ".txt")):
            result["out/" + path] = {"text": read_lines(full)}
        else:
            container, tensors = load_tensors(full)
            described = {name: describe(tensors[name]) for name in sorted(tensors)}
            result["out/" + path] = {"container": container, "tensors": described}
    return result


def store_input(source, target):
    """Copies a file, named after its content, unless it is there already; gives its name."""
    with open(source, "rb") as file:
        data = file.read()
    digest = hashlib.sha256(data).hexdigest()[:8]
    for name in os.listdir(target):
        if digest in name.split("."):
            return name
    stem, suffix = os.path.splitext(os.path.basename(source).lstrip("."))
    name = "%s.%s%s" % (stem, digest, suffix)
    with open(os.path.join(target, name), "wb") as file:
        file.write(data)
    return name


def import_case(entry, corpus, target):
    root = os.path.join(corpus, entry["name"])
    keys = ("name", "kind", "note", "may_extend", "args", "stdin", "compare")
    case = {key: entry[key] for key in keys if key in entry}
    case["compare"] = {k: v for k, v in entry["compare"].items() if k != "reference_exit_status"}
    case["inputs"], case["texts"] = {}, {}
    for path in files_below(root):
        if path.startswith("in/"):
            case["inputs"][path] = store_input(os.path.join(root, path), os.path.join(target, "inputs"))
        elif not path.startswith("expect/"):
            case["texts"][path] = read_lines(os.path.join(root, path))
    expect = os.path.join(root, "expect")
    if entry["kind"] == "output":
        case["expect"] = expected_output(os.path.join(expect, "out"))
    elif entry["kind"] == "stdout":
        case["expect"] = {"stdout": read_lines(os.path.join(expect, "stdout.txt"))}
    else:
        case["expect"] = {"what": read_lines(os.path.join(expect, "error.txt"))[0]}
    return case


def pretty(value, indent=0):
    """JSON with what fits a line on one line, so that a changed tensor is a changed line; plans keep their lines."""
    flat = json.dumps(value, ensure_ascii=False)
    is_text = isinstance(value, list) and len(value) > 1 and all(isinstance(v, str) for v in value)
    if not isinstance(value, (dict, list)) or not value or (len(flat) + indent <= WIDTH and not is_text):
        return flat
    if isinstance(value, list) and len(value) == 3 and isinstance(value[2], str) and isinstance(value[1], list):
        return flat  # a tensor
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        body = [pad + json.dumps(k, ensure_ascii=False) + ": " + pretty(v, indent + 1) for k, v in value.items()]
        return "{\n" + ",\n".join(body) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(pad + pretty(v, indent + 1) for v in value) + "\n" + " " * indent + "]"


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    corpus = sys.argv[1]
    here = os.path.dirname(os.path.abspath(__file__))
    target = sys.argv[2] if len(sys.argv) == 3 else os.path.join(os.path.dirname(here), "conformance")
    for folder in ("inputs", "cases"):
        shutil.rmtree(os.path.join(target, folder), ignore_errors=True)
        os.makedirs(os.path.join(target, folder))
    with open(os.path.join(corpus, "manifest.json"), encoding="utf-8") as file:
        entries = json.load(file)["cases"]
    areas = {}
    for entry in entries:
        areas.setdefault(entry["area"], []).append(import_case(entry, corpus, target))
    for area, cases in areas.items():
        with open(os.path.join(target, "cases", area + ".json"), "w", encoding="utf-8") as file:
            file.write(pretty({"area": area, "cases": cases}) + "\n")
    print("imported %d cases of %d areas" % (len(entries), len(areas)))


if __name__ == "__main__":
    main()
