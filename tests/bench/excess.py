#!/usr/bin/env python3
"""Prints by how much the errors of low-rank factors exceed the least possible, at most, as a share of it.

usage: excess.py SOURCE EXPECTED FOUND
"""
import sys

import torch
from safetensors.torch import load_file


def error(matrix, factors, name):
    return torch.linalg.norm(matrix - factors[name + ".B"].double() @ factors[name + ".A"].double()).item()


def main():
    source, expected, found = (load_file(path) for path in sys.argv[1:4])
    assert expected.keys() == found.keys() and len(found) == 2 * len(source), "other names"
    worst = 0.0
    for name, tensor in source.items():
        name, matrix = name.removesuffix(".weight"), tensor.double()
        worst = max(worst, error(matrix, found, name) / error(matrix, expected, name) - 1)
    print(worst)


if __name__ == "__main__":
    main()
