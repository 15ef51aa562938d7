#!/usr/bin/env python3
"""check_torch.py BIN: PyTorch files against PyTorch itself, in both directions.

Needs torch (tests/python/requirements.txt). Prints one line; exit 1 with the first difference."""

import collections
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile

import torch

BINARY = os.path.abspath(sys.argv[1])
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
          torch.uint8, torch.bool, torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2,
          torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu, torch.complex64, torch.complex128,
          torch.complex32]
checks = 0


def run(*arguments, plan=None):
    result = subprocess.run([BINARY, *arguments], input=plan, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{arguments}: exit {result.returncode}\n{result.stderr}")
    return result


def bytes_of(tensor):
    flat = tensor.detach().resolve_conj().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def expect(condition, what):
    global checks
    checks += 1
    if not condition:
        sys.exit("FAILED: " + what)


def expect_same(got, want, what):
    expect(list(got) == list(want), f"{what}: names {list(got)} and {list(want)}")
    for name, tensor in want.items():
        other = got[name]
        expect(other.dtype == tensor.dtype and other.shape == tensor.shape, f"{what}: {name} is {other.dtype} {other.shape}")
        expect(bytes_of(other) == bytes_of(tensor), f"{what}: the values of {name}")


def expect_digests(path, want, what):
    listed = json.loads(run("inspect", path, "--json", "--digest").stdout)["tensors"]
    got = {entry["name"]: entry["sha256"] for entry in listed if not entry.get("beside")}
    expect(got == {name: hashlib.sha256(bytes_of(t)).hexdigest() for name, t in want.items()}, f"{what}: digests")


def loads(path):
    """The file as every way of torch.load reads it."""
    for mmap in (False, True):
        yield torch.load(path, weights_only=True, mmap=mmap)


def rewrite(source, target, transforms="[]", *options):
    run("run", "-", *options, plan=f"inputs: [m::{source}]\ntransforms: {transforms}\noutput: {{path: {target}, model: m}}\n")


def any_tensor(dtype, shape, generator):
    count = 1
    for size in shape:
        count *= size
    if dtype == torch.bool:
        return torch.randint(0, 2, shape, generator=generator).bool()
    size = count * dtype.itemsize
    return torch.randint(0, 256, (size,), generator=generator).to(torch.uint8).view(dtype).reshape(shape)


def all_dtypes(generator):
    model = collections.OrderedDict()
    for dtype in DTYPES:
        model[f"{dtype}"] = any_tensor(dtype, (3, 5), generator)
        model[f"{dtype}.t"] = any_tensor(dtype, (4, 6), generator).t()[1:, ::2]
        model[f"{dtype}.scalar"] = any_tensor(dtype, (), generator)
        model[f"{dtype}.empty"] = any_tensor(dtype, (0, 2), generator)
    return model


def check_reading_and_rewriting(folder, generator):
    model = all_dtypes(generator)
    for legacy in (False, True):
        source, target = f"{folder}/in.pt", f"{folder}/out{legacy}.pt"
        if legacy:  # its pickles hold no tensors of the newer dtypes
            model = {name: t for name, t in model.items() if DTYPES.index(t.dtype) < 10 or t.dtype == torch.complex64}
        torch.save(model, source, _use_new_zipfile_serialization=not legacy)
        expect_digests(source, model, f"read, legacy {legacy}")
        rewrite(source, target)
        for got in loads(target):
            expect_same(got, model, f"rewritten, legacy {legacy}")
        again = open(target, "rb").read()
        rewrite(source, target, "[]", "--threads", "1")
        expect(open(target, "rb").read() == again, "the same bytes for any number of threads")
        expect(zipfile.ZipFile(target).testzip() is None, "checksums")


def check_big(folder):
    """More than one tile and computed parts: checksums are put together from several."""
    model = {"a": torch.randn(3000, 700), "b": torch.randn(1_000_003)}
    torch.save(model, f"{folder}/big.pt")
    rewrite(f"{folder}/big.pt", f"{folder}/big2.pt", "[{scale_: {target: b, by: 2}}, {copy: {from: a, to: c}}]")
    expect(zipfile.ZipFile(f"{folder}/big2.pt").testzip() is None, "checksums of several tiles")
    for got in loads(f"{folder}/big2.pt"):
        expect_same(got, {"a": model["a"], "b": model["b"] * 2, "c": model["a"]}, "big")
        for tensor in got.values():
            expect(tensor.data_ptr() % 8 == 0, "aligned data")


def check_sharing(folder):
    base = torch.arange(24.0).reshape(4, 6)
    shared = {"q": base[:2], "k": base[2:], "t": base.t(), "tied": base, "same": base, "alone": torch.ones(3)}
    torch.save(shared, f"{folder}/shared.pt")
    rewrite(f"{folder}/shared.pt", f"{folder}/kept.pt", "[{move: {from: tied, to: renamed}}]")
    for got in loads(f"{folder}/kept.pt"):
        want = {"q": base[:2], "k": base[2:], "t": base.t(), "same": base, "alone": torch.ones(3), "renamed": base}
        expect_same(got, want, "shared")
        pointers = {name: tensor.untyped_storage().data_ptr() for name, tensor in got.items()}
        expect(len({pointers[name] for name in ("q", "k", "t", "same", "renamed")}) == 1, "one storage")
        expect(pointers["alone"] != pointers["q"], "another storage")
        expect(got["t"].stride() == (1, 6) and got["k"].storage_offset() == 12, "strides and offsets")
    result = run("run", "-", plan=f"inputs: [{folder}/shared.pt]\ntransforms: [{{scale_: {{target: q, by: 2}}}}]\n"
                                  f"output: {folder}/untied.pt\n")
    expect("shares its storage with" in result.stderr, "a warning about untying")
    for got in loads(f"{folder}/untied.pt"):
        expect(torch.equal(got["q"], base[:2] * 2) and torch.equal(got["same"], base), "untied values")
    torch.save({"w": torch.zeros(1000)[3:5]}, f"{folder}/slice.pt")
    rewrite(f"{folder}/slice.pt", f"{folder}/slice2.pt")
    expect(os.path.getsize(f"{folder}/slice2.pt") < 2000, "a small view does not keep a large storage")


def check_choice(folder):
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    want = model.state_dict()
    for key in ("state_dict", "model", "module", "model_state_dict"):
        torch.save({"epoch": 3, key: want, "optimizer": optimizer.state_dict(), "rng_state": torch.get_rng_state()},
                   f"{folder}/trained.pt")
        expect_digests(f"{folder}/trained.pt", want, key)
    torch.save({"params": want, "params_ema": want}, f"{folder}/two.pt")
    expect_digests(f"{folder}/two.pt#params_ema", want, "a part by its name")
    expect(subprocess.run([BINARY, "inspect", f"{folder}/two.pt"], capture_output=True).returncode == 3, "ambiguous")
    script = torch.jit.script(model.eval())
    script.save(f"{folder}/script.pt")
    expect_digests(f"{folder}/script.pt", want, "TorchScript")


def main():
    generator = torch.Generator().manual_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        check_reading_and_rewriting(folder, generator)
        check_big(folder)
        check_sharing(folder)
        check_choice(folder)
    print(f"PyTorch {torch.__version__}: {checks} checks hold")


main()
