#!/usr/bin/env python3
"""Every pair of formats holds the same tensors: each is converted to the other and back, and what stands in the files
is read with the formats' own libraries.

usage: check_round_trips.py PROGRAM

One model for each format that can be an end of the way, of every dtype that both ends hold, with scalars, empty tensors
and names as models have them. The first file of a way is written by the library itself where it writes files (torch,
safetensors, numpy, gguf, torch.distributed.checkpoint). Names, dtypes, shapes and bytes must be equal. Besides, a
distributed checkpoint that two processes wrote in parts is read, PyTorch rebuilds the dicts and lists of edited ones, and the
shards that four processes saved one by one are joined.
"""
import itertools
import json
import os
import socket
import subprocess
import sys
import warnings

import gguf
import numpy as np
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.multiprocessing as multiprocessing
from safetensors.torch import load_file, save_file
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save
from torch.distributed.tensor import DeviceMesh, Replicate, Shard, distribute_tensor

import peers

NUMPY = [torch.bool, torch.uint8, torch.int8, torch.uint16, torch.int16, torch.uint32, torch.int32, torch.uint64,
         torch.int64, torch.float16, torch.float32, torch.float64, torch.complex64, torch.complex128]
SAFETENSORS = NUMPY[:-1] + [torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz,
                            torch.float8_e5m2fnuz, torch.float8_e8m0fnu, torch.float4_e2m1fn_x2]
TORCH = SAFETENSORS + [torch.complex128, torch.complex32]
GGUF = [torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64]
SHAPES = [(), (1,), (0,), (3, 5), (2, 0, 3), (2, 3, 4), (2, 1, 3, 2)]
FEW_SHAPES = [(), (2, 3, 4)]


def load_gguf(path):
    """gguf-py gives bfloat16 as bytes, and every shape in its own order."""
    tensors = {}
    for tensor in gguf.GGUFReader(path).tensors:
        shape = [int(size) for size in reversed(tensor.shape)]
        data = torch.from_numpy(np.array(tensor.data))
        if tensor.tensor_type == gguf.GGMLQuantizationType.BF16:
            data = data.view(torch.bfloat16)
        tensors[tensor.name] = data.reshape(shape)
    return tensors


def save_gguf(tensors, path):
    writer = gguf.GGUFWriter(path, "llama")
    for name, tensor in tensors.items():
        if tensor.dtype == torch.bfloat16:
            array = tensor.contiguous().view(torch.uint8).numpy()
            writer.add_tensor(name, array, raw_dtype=gguf.GGMLQuantizationType.BF16)
        else:
            writer.add_tensor(name, tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def load_dcp(path):
    described = dcp.FileSystemReader(path).read_metadata().state_dict_metadata
    tensors = {name: torch.empty(entry.size, dtype=entry.properties.dtype) for name, entry in described.items()}
    dcp.load(tensors, checkpoint_id=path, no_dist=True)
    return tensors


def load_torch(path):
    """As both ways of torch.load give it, which must agree."""
    tensors = torch.load(path, weights_only=True, mmap=True)
    problem = difference(torch.load(path, weights_only=True), tensors)
    if problem:
        raise ValueError("torch.load with and without mmap: " + problem)
    return tensors


def load_npz(path):
    with np.load(path) as arrays:
        return {name: torch.from_numpy(np.array(arrays[name])) for name in arrays.files}


class Format:
    """SAVE and LOAD are the library's. OPTIONS: what a plan's output says besides the path. SINGLE: of one tensor."""

    def __init__(self, name, suffix, dtypes, save, load, options="", lacks=lambda dtype, shape: False, single=False):
        self.name, self.suffix, self.dtypes, self.save, self.load = name, suffix, dtypes, save, load
        self.options, self.lacks, self.single = options, lacks, single

    def holds(self, dtype, shape):
        halves = dtype == torch.float4_e2m1fn_x2 and shape == ()  # two of them make a byte
        return dtype in self.dtypes and not halves and not self.lacks(dtype, shape)


def lacks_gguf(dtype, shape):
    """There are no empty tensors, and gguf-py does not read a bfloat16 scalar."""
    return 0 in shape or (shape == () and dtype == torch.bfloat16)


FORMATS = [
    Format("safetensors", ".safetensors", SAFETENSORS, save_file, load_file),
    Format("torch", ".pt", TORCH, torch.save, load_torch),
    Format("dcp", "/", TORCH, lambda tensors, path: dcp.save(tensors, checkpoint_id=path, no_dist=True), load_dcp,
           options=", format: dcp"),
    Format("npz", ".npz", NUMPY, lambda tensors, path: np.savez(path, **{n: t.numpy() for n, t in tensors.items()}),
           load_npz),
    Format("gguf", ".gguf", GGUF, save_gguf, load_gguf, lacks=lacks_gguf),
    Format("numpy", ".npy", NUMPY, lambda tensors, path: np.save(path, next(iter(tensors.values())).numpy()),
           lambda path: {os.path.basename(path)[:-4]: torch.from_numpy(np.load(path))}, single=True),
]


def any_tensor(dtype, shape, generator):
    """Any bytes at all, NaNs of every kind among them; booleans are 0 and 1."""
    count = int(np.prod(shape, dtype=int))
    top = 2 if dtype == torch.bool else 256
    data = torch.randint(0, top, (count * dtype.itemsize,), dtype=torch.uint8, generator=generator)
    return data.view(dtype).reshape(shape) if count else torch.empty(shape, dtype=dtype)


def models(formats):
    """What all of FORMATS hold: one model, or one a tensor where there is a format of one tensor."""
    single = any(one.single for one in formats)
    generator = torch.Generator().manual_seed(1)
    named = {"h.%d.%s" % (i, str(dtype).split(".")[1]): any_tensor(dtype, shape, generator)
             for i, shape in enumerate(FEW_SHAPES if single else SHAPES)
             for dtype in formats[0].dtypes if all(one.holds(dtype, shape) for one in formats)}
    return [{name: tensor} for name, tensor in named.items()] if single else [named]


def difference(got, wanted):
    if sorted(got) != sorted(wanted):
        return "names %s, expected %s" % (sorted(set(got) - set(wanted)), sorted(set(wanted) - set(got)))
    for name, tensor in wanted.items():
        other = got[name]
        if (other.dtype, other.shape) != (tensor.dtype, tensor.shape):
            return "%s is %s %s, expected %s %s" % (name, other.dtype, other.shape, tensor.dtype, tensor.shape)
        if peers.raw(other) != peers.raw(tensor):
            return "the bytes of %s" % name
    return None


def check_way(program, there, back, model, folder):
    """The library writes, the program converts there and back; the libraries read. None, or what is wrong."""
    stem = next(iter(model)) if there.single or back.single else "model"
    paths = [os.path.join(folder, place, stem + one.suffix)
             for place, one in zip(("first", "second", "third"), (there, back, there))]
    for path in paths:
        os.makedirs(os.path.dirname(path))
    there.save(model, paths[0])
    for source, target, one in zip(paths, paths[1:], (back, there)):
        plan = "inputs: ['m::%s']\noutput: {path: '%s', model: m%s}\n" % (source, target, one.options)
        problem = peers.run_plan(program, plan, folder)
        if problem is None:
            problem = difference(one.load(target), model)
        if problem is not None:
            return "%s: %s" % (os.path.basename(target) or one.name, problem)
    return None


def free_port():
    with socket.socket() as at:
        at.bind(("127.0.0.1", 0))
        return at.getsockname()[1]


def parted():
    """Tensors and how they lie on two processes: cut along a dimension (one of them unevenly), or whole on both."""
    generator = torch.Generator().manual_seed(2)
    return {"rows": (any_tensor(torch.float32, (6, 5), generator), Shard(0)),
            "columns": (any_tensor(torch.bfloat16, (4, 6), generator), Shard(1)),
            "uneven": (any_tensor(torch.int64, (7, 3), generator), Shard(0)),
            "last.of.three": (any_tensor(torch.float16, (2, 3, 9), generator), Shard(2)),
            "one.has.nothing": (any_tensor(torch.uint8, (1, 4), generator), Shard(0)),
            "whole": (any_tensor(torch.float64, (3,), generator), Replicate())}


def save_parts(rank, port, path):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo")
    dist.init_process_group("gloo", rank=rank, world_size=2)
    mesh = DeviceMesh("cpu", [0, 1])
    dcp.save({name: distribute_tensor(tensor, mesh, [placement]) for name, (tensor, placement) in parted().items()},
             checkpoint_id=path)
    dist.destroy_process_group()


def check_parts(program, folder):
    path = os.path.join(folder, "parts")
    multiprocessing.spawn(save_parts, args=(free_port(), path), nprocs=2)
    if len([name for name in os.listdir(path) if name.endswith(".distcp")]) < 2:
        return "the processes wrote %s" % os.listdir(path)
    problem = peers.run_plan(program, "inputs: [parts]\noutput: whole.safetensors\n", folder)
    wanted = {name: tensor for name, (tensor, placement) in parted().items()}
    return problem or difference(load_file(os.path.join(folder, "whole.safetensors")), wanted)


RANK_FILE = """
import sys, torch, torch.distributed as dist
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.distributed.tensor import DeviceMesh, DTensor, Replicate, Shard
rank = int(sys.argv[1])
dist.init_process_group("fake", rank=rank, world_size=4, store=FakeStore())
mesh = DeviceMesh("cpu", torch.arange(4).reshape(2, 2))
whole = torch.arange(30.0).reshape(5, 6)
def part(placements):
    local = whole
    for axis, placement in enumerate(placements):
        if isinstance(placement, Shard):
            pieces = local.chunk(2, placement.dim)
            local = pieces[mesh.get_coordinate()[axis]]
    return DTensor.from_local(local.clone(memory_format=torch.contiguous_format), mesh, placements, run_check=False, shape=whole.shape,
                              stride=whole.stride())
torch.save({"rows.columns": part([Shard(0), Shard(1)]), "hybrid": part([Replicate(), Shard(0)]),
            "columns.twice": part([Shard(1), Shard(1)]), "everywhere": part([Replicate(), Replicate()]),
            "plain": torch.tensor(0.5)}, "ranks/model_world_size_4_rank_%d.pt" % rank)
"""


def check_ranks(program, folder):
    """The state dicts that the processes of a mesh saved one by one are one model."""
    os.mkdir(os.path.join(folder, "ranks"))
    for rank in range(4):
        subprocess.run([sys.executable, "-W", "ignore", "-c", RANK_FILE, str(rank)], cwd=folder, check=True)
    whole = torch.arange(30.0).reshape(5, 6)
    wanted = {name: whole for name in ("rows.columns", "hybrid", "columns.twice", "everywhere")}
    wanted["plain"] = torch.tensor(0.5)
    for number, path in enumerate(["ranks", "ranks/*rank_*.pt"]):
        problem = peers.run_plan(program, "inputs: ['%s']\noutput: whole%d.safetensors\n" % (path, number), folder)
        problem = problem or difference(load_file(os.path.join(folder, "whole%d.safetensors" % number)), wanted)
        if problem:
            return problem
    os.remove(os.path.join(folder, "ranks/model_world_size_4_rank_3.pt"))
    problem = peers.run_plan(program, "inputs: [ranks]\noutput: lacking.safetensors\n", folder)
    return None if problem and "' are missing" in problem else "a rank is missing: %s" % problem


def nested():
    return {"app": {"model": {"w": torch.ones(2, 3)}, "layers": [torch.ones(1), torch.ones(2)], "mixed": [torch.ones(1), 5]},
            "epoch": 3}


NESTED = {
    "renaming all of a dict": ("{move: {from: 'app.model.(.*)', to: 'app.net.new.\\1'}}",
                               lambda it: it["app"].update(net={"new": it["app"].pop("model")})),
    "a longer list": ("{copy: {from: app.layers.0, to: app.layers.2}}", lambda it: it["app"]["layers"].append(torch.ones(1))),
    "a list with a gap": ("{delete: {target: app.layers.0}}", lambda it: it["app"].update(layers={"1": torch.ones(2)})),
    "a list without tensors": ("{delete: {target: app.mixed.0}}", lambda it: it["app"].update(mixed={"1": 5})),
    "an empty list": ("{delete: {target: 'app.layers.*'}}", lambda it: it["app"].pop("layers")),
}


def check_nested(program, step, edit, folder):
    """What torch.load rebuilds of a distributed checkpoint, after a step."""
    dcp.save(nested(), checkpoint_id=os.path.join(folder, "in"), no_dist=True)
    problem = peers.run_plan(program, "inputs: [in]\ntransforms: [%s]\noutput: {path: out, format: dcp}\n" % step, folder)
    if problem:
        return problem
    dcp_to_torch_save(os.path.join(folder, "out"), os.path.join(folder, "out.pt"))
    wanted, got = nested(), torch.load(os.path.join(folder, "out.pt"), weights_only=True)
    edit(wanted)
    as_text = lambda it: json.dumps(it, default=lambda tensor: tensor.tolist(), sort_keys=True)
    return None if as_text(got) == as_text(wanted) else "%s instead of %s" % (got, wanted)


def main():
    program, tally = peers.program_from_arguments(), peers.Tally()
    warnings.filterwarnings("ignore", message="torch.distributed is|ComplexHalf")  # no_dist says the former too
    for there, back in itertools.permutations(FORMATS, 2):
        for number, model in enumerate(models([there, back])):
            with peers.scratch() as folder:
                tally.check("%s to %s and back, model %d" % (there.name, back.name, number),
                            check_way(program, there, back, model, folder))
    with peers.scratch() as folder:
        tally.check("a distributed checkpoint of two processes", check_parts(program, folder))
    with peers.scratch() as folder:
        tally.check("the files of four ranks", check_ranks(program, folder))
    for name, (step, edit) in NESTED.items():
        with peers.scratch() as folder:
            tally.check("a distributed checkpoint after " + name, check_nested(program, step, edit, folder))
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
