"""Whether two checkpoints hold the same: safetensors files, or directories of them."""
import filecmp
import json
import os
import struct

CHUNK_BYTES = 1 << 24


def tensors_of(path):
    """For each name: dtype, shape, file, where the bytes begin and end."""
    files = sorted(os.path.join(path, name) for name in os.listdir(path)) if os.path.isdir(path) else [path]
    found = {}
    for file_path in files:
        if not file_path.endswith(".safetensors"):
            continue
        with open(file_path, "rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        for name, tensor in header.items():
            begin, end = tensor["data_offsets"]
            found[name] = (tensor["dtype"], tensor["shape"], file_path, 8 + length + begin, 8 + length + end)
    return found


def same_bytes(left, right):
    (left_path, left_begin, left_end), (right_path, right_begin, _) = left, right
    with open(left_path, "rb") as left_file, open(right_path, "rb") as right_file:
        left_file.seek(left_begin)
        right_file.seek(right_begin)
        rest = left_end - left_begin
        while rest > 0:
            size = min(rest, CHUNK_BYTES)
            if left_file.read(size) != right_file.read(size):
                return False
            rest -= size
    return True


def tensors_differ(expected, found):
    """None, or the first difference between the tensors of two checkpoints."""
    left, right = tensors_of(expected), tensors_of(found)
    if not left:
        return "nothing was expected"
    for name in sorted(left.keys() | right.keys()):
        if name not in left or name not in right:
            return "'%s' is %s" % (name, "not expected" if name in right else "missing")
        if left[name][:2] != right[name][:2]:
            return "'%s' is %s %s instead of %s %s" % (name, *right[name][:2], *left[name][:2])
        if not same_bytes(left[name][2:], right[name][2:]):
            return "'%s' has other values" % name
    return None


def files_differ(expected, found):
    """None, or what differs; files must be the same to the last byte."""
    if filecmp.cmp(expected, found, shallow=False):
        return None
    return tensors_differ(expected, found) or "other bytes around the same tensors"
