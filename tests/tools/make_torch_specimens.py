"""Makes specimens of tests/corpus/torch from 159 on: what torch.save writes beside plain tensors, and floods.

usage: make_torch_specimens.py FOLDER     (wants torch; the pickles of the floods are made by hand)
"""
import collections
import io
import os
import pathlib
import pickle
import struct
import sys
import zipfile

import torch

folder = sys.argv[1]


def path(name):
    return os.path.join(folder, name)


class Settings:  # pickled as `settings.Config`, which nobody can import
    pass


class Attributes(dict):
    pass


def foreign(cls, module, name):
    cls.__module__, cls.__qualname__, cls.__name__ = module, name, name
    made = sys.modules.setdefault(module, type(sys)(module))
    setattr(made, name, cls)
    return cls


def saved(name, what, **options):
    torch.save(what, path(name), **options)


def by_hand(name, pickled, records=(), root="a", deflated=False):
    with zipfile.ZipFile(path(name), "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED, compresslevel=9) as archive:
        for record, data in [("data.pkl", pickled), ("byteorder", b"little"), *records, ("version", b"3\n")]:
            archive.writestr(zipfile.ZipInfo(root + "/" + record), data,
                             zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED, 9)


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value


def tensor(size=b"K\x04\x85", key=b"0"):
    return (b"ctorch._utils\n_rebuild_tensor_v2\n((" + text(b"storage") + b"ctorch\nFloatStorage\n" + text(key) + text(b"cpu") +
            b"K\x04tQK\0" + size + b"K\x01\x85\x89ccollections\nOrderedDict\n)RtR")


def module(values):
    linear = torch.nn.Linear(2, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.arange(4.).reshape(2, 2))
        linear.bias.copy_(torch.ones(2))
    made = torch.nn.Sequential(linear, torch.nn.BatchNorm1d(2))
    made[1].register_buffer("scratch", torch.zeros(3), persistent=False)
    return made


def objects():
    config = foreign(Settings, "settings", "Config")()
    config.betas = (0.9, 0.999)
    config.table = torch.zeros(2)
    weights = {"net.w": torch.arange(4.)}
    saved("159_foreign_objects.pt", {"state_dict": weights, "hyper_parameters": config, "log": io.BytesIO(b"x"),
                                     "path": pathlib.PurePosixPath("/a/b"), "seen": {1, 2}, "f": frozenset("a"), "z": 1j,
                                     "size": torch.Size([1]), "d": torch.device("cpu"), "t": torch.float32, "big": 1 << 9000})
    attributes = foreign(Attributes, "addict", "Dict")(weights)
    attributes.note = "x"
    ordered = collections.OrderedDict(weights)
    ordered._metadata = {"": {"version": 1}}
    nested = collections.defaultdict(dict, {"model": attributes, "copy": ordered})
    saved("160_dict_subclasses.pt", nested)
    saved("161_pickled_module.pt", {"epoch": 1, "model": module(1)})
    saved("162_conjugated_negated.pt", {"c": torch.tensor([[1 + 2j, 3 - 4j], [5j, -6]]).conj(),
                                        "n": torch.tensor([1 + 2j, 3 - 4j]).conj().imag, "s": torch.tensor([1 + 2j, 3 - 4j, 5j]).conj()[::2]})
    key = {"a": {1: torch.ones(1), 2.5: torch.ones(1), None: torch.ones(1), True: torch.ones(1), ("t", 0): torch.ones(1),
                 b"b'": torch.ones(1), -(1 << 70): torch.ones(1), torch.float16: torch.ones(1), float("inf"): torch.ones(1)}}
    saved("163_keys_of_any_type.pt", key)
    saved("164_keys_of_one_text.pt", {1: torch.ones(1), "1": torch.zeros(1)})
    for protocol in (3, 4, 5):
        saved("16%d_legacy_protocol_%d.pt" % (protocol + 2, protocol), {"w": torch.arange(3.)}, pickle_protocol=protocol,
              _use_new_zipfile_serialization=False)
    saved("168_npy_in_the_names.npy.pt", {"a.npy": torch.arange(2.)})
    saved("169_nested_tensor.pt", {"w": torch.ones(1), "x": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])})
    saved("170_zero_rank.pt", {"optimizer_state_dict": {"zero_stage": 2, "single_partition_of_fp32_groups": [torch.ones(4)]},
                               "ds_config": {}, "ds_version": "0.14"})


def laxer():
    one = b"}" + text(b"a") + tensor() + b"s."
    data = [("data/0", bytes(16))]
    by_hand("171_frame_too_long.pt", b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + one, data)
    by_hand("172_frame_too_short.pt", b"\x80\x04\x95" + struct.pack("<Q", 1) + one, data)
    huge = b"\x8a\x06" + (1 << 40).to_bytes(6, "little")
    by_hand("173_sizes_overflow_before_zero.pt", b"\x80\x02}" + text(b"a") + tensor(huge + huge + b"K\0\x87").replace(b"K\x01\x85", b"K\x01K\x01K\x01\x87") + b"s.", data)


def floods():
    limit = (32 << 20) - 8
    repeated = {"memoize": (b"\x80\x04}", b"\x94", b"."), "duplicates": (b"\x80\x02}", b"2", b"."),
                "lists": (b"\x80\x02](", b"]Na", b"e."), "tuples": (b"\x80\x02(", b"N\x85", b"l."),
                "chained_tuples": (b"\x80\x02)", b"\x85", b"."), "dicts": (b"\x80\x02(", b"}", b"l."),
                "calls": (b"\x80\x02(", b"ccollections\nOrderedDict\n)R", b"l."),
                "texts": (b"\x80\x04(", b"\x8c\x02ab", b"l."), "integers": (b"\x80\x02(", b"J\xff\xff\xff\xff", b"l."),
                "persistent": (b"\x80\x02(", b"NQ", b"l."), "states": (b"\x80\x02ca\nb\n)R", b"}b", b"."),
                "objects": (b"\x80\x02ca\nb\n(", b"h\0)R", b"l.")}
    for number, (name, (begin, body, end)) in enumerate(repeated.items(), 174):
        begin = begin.replace(b"ca\nb\n(", b"ca\nb\nq\0(")
        by_hand("%d_flood_of_%s.pt" % (number, name), begin + body * ((limit - len(begin)) // len(body)) + end, deflated=True)
    rebuilt = text(b"a") + tensor()
    by_hand("186_flood_of_tensors.pt", b"\x80\x02}(" + rebuilt * 200000 + b"u.", [("data/0", bytes(16))], deflated=True)


objects()
laxer()
floods()
