#!/usr/bin/env python3
"""Runs the plans of docs/differences.md with this program and with the Python program of the same name.

usage: check_differences.py PROGRAM PYTHON_PROGRAM [ROW ...]

PYTHON_PROGRAM is brainsurgery 0.2.12 (with torch 2.13); the interpreter of this script needs torch and safetensors. A
row holds a plan and what each program makes of it, so that the document says of neither what is not so. ROW names rows
to run alone. Run by hand: the Python program is no dependency of the build. Our side of the rows is in
tests/cases/differences.case too, which every test run holds.
"""
import os
import subprocess
import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import peers

SECONDS = 300
FLOAT8 = torch.float8_e4m3fn


def make_inputs(folder):
    def path(name):
        return os.path.join(folder, name)

    save_file({"h.0.w": torch.tensor([1.0, 2.0]), "h.1.w": torch.tensor([3.0, 4.0]), "lnXw": torch.tensor([9.0]),
               "ln.w": torch.tensor([1.0, 2.0, 3.0]).half(), "m": torch.arange(6.0).reshape(2, 3),
               "i": torch.tensor([1, -2, 3], dtype=torch.int32), "f8": torch.tensor([1.0, 2.0]).to(FLOAT8),
               "q": torch.tensor([True, False])}, path("a.safetensors"), metadata={"format": "pt"})
    save_file({"h.0.w": torch.tensor([1.0, 2.0]), "m": torch.arange(6.0).reshape(2, 3) + 1}, path("b.safetensors"))
    save_file({"z": torch.tensor([1.0])}, path("one.safetensors"))
    save_file({"a": torch.tensor([1.0]), "a.b": torch.tensor([2.0])}, path("nested.safetensors"))
    save_file({"0.w": torch.tensor([1.0]), "x.w": torch.tensor([2.0])}, path("mixed.safetensors"))
    save_file({"w": torch.diag(torch.tensor([4.0, 2.0, 1.0]))}, path("square.safetensors"))
    save_file({"w": torch.diag(torch.tensor([4.0, 2.0, 1.0])).half()}, path("half.safetensors"))
    shared = torch.arange(4.0)
    torch.save({"a": shared, "b": shared, "t": torch.arange(6.0).reshape(2, 3).t()}, path("tied.pt"))
    torch.save({"p": torch.nn.Parameter(torch.tensor([1.0, 2.0]))}, path("parameter.pt"))
    with open(path("text.safetensors"), "w", encoding="utf-8") as file:
        file.write("this is no checkpoint\n")
    with open(path("small_eps.yaml"), "w", encoding="utf-8") as file:
        file.write("- assert: {equal: {left: 'a::h.0.w', right: 'b::h.0.w', eps: 1e-6}}\n")
    os.mkdir(path("old"))
    for number in (1, 2, 3):
        save_file({"o%d" % number: torch.zeros(1)}, path("old/model-0000%d-of-00003.safetensors" % number))
    with open(path("old/model.safetensors.index.json"), "w", encoding="utf-8") as file:
        file.write('{"metadata": {"total_size": 12}, "weight_map": {"o1": "model-00001-of-00003.safetensors", '
                   '"o2": "model-00002-of-00003.safetensors", "o3": "model-00003-of-00003.safetensors"}}')
    with open(path("old/notes.txt"), "w", encoding="utf-8") as file:
        file.write("mine\n")


def same(have, want):
    if isinstance(want, str):
        return have == want
    have, want = torch.tensor(have, dtype=torch.float64), torch.tensor(want, dtype=torch.float64)
    return have.shape == want.shape and torch.allclose(have, want, atol=1e-4)


def last_lines(printed):
    """The end of what was printed, without the framed traceback of the Python program."""
    lines = [line for line in printed.splitlines() if line.strip() and line[0] not in "\u2502\u256d\u2570"]
    return "\n".join(lines[-6:])[-1000:]


class Outcome:
    """What a run gives: its exit status, words of what it prints, words that it does not print, files and tensors."""

    def __init__(self, status=0, says=(), lacks=(), tensors=None, names=None, files=(), no_files=(),
                 metadata=None, begins=None):
        self.status, self.says, self.lacks = status, says, lacks
        self.tensors = tensors or {}  # path -> {name: values, or a dtype's name}
        self.names = names or {}      # path -> all names, sorted
        self.files, self.no_files = files, no_files
        self.metadata = metadata or {}  # path -> all pairs
        self.begins = begins or {}      # path -> the first bytes

    def problem(self, folder, status, printed):
        if status != self.status:
            return "exit status %d, expected %d\n%s" % (status, self.status, last_lines(printed))
        # The Python program breaks and frames long lines.
        flat = "".join(printed.replace("\u2502", "").split())
        for word in self.says:
            if "".join(word.split()) not in flat:
                return "does not print %r\n%s" % (word, last_lines(printed))
        for word in self.lacks:
            if "".join(word.split()) in flat:
                return "prints %r" % word
        for path in self.files:
            if not os.path.exists(os.path.join(folder, path)):
                return "%s is missing" % path
        for path in self.no_files:
            if os.path.exists(os.path.join(folder, path)):
                return "%s is there" % path
        for path, want in self.begins.items():
            with open(os.path.join(folder, path), "rb") as file:
                if file.read(len(want)) != want:
                    return "%s does not begin with %r" % (path, want)
        for path, want in self.metadata.items():
            with safe_open(os.path.join(folder, path), "pt") as file:
                if file.metadata() != want:
                    return "%s: metadata %s" % (path, file.metadata())
        return self.contents_problem(folder)

    def contents_problem(self, folder):
        for path in list(self.names) + list(self.tensors):
            try:
                found = load_file(os.path.join(folder, path))
            except Exception as error:  # of any kind: the file is not what it should be
                return "%s: %s" % (path, error)
            if path in self.names and sorted(found) != self.names[path]:
                return "%s holds %s" % (path, sorted(found))
            for name, want in self.tensors.get(path, {}).items():
                if name not in found:
                    return "%s holds %s" % (path, sorted(found))
                have = str(found[name].dtype)[6:] if isinstance(want, str) else found[name].double().tolist()
                if not same(have, want):
                    return "%s: %s is %s, expected %s" % (path, name, have, want)
        return None


OUT = "out.safetensors"
A = "inputs: [a.safetensors]\n"
AB = "inputs: [a::a.safetensors, b::b.safetensors]\n"
WRITE = "output: %s\n" % OUT


def steps(*lines):
    return "transforms:\n" + "".join("  - %s\n" % line for line in lines)


def gives(**tensors):
    """Tensors of the output; `__` in a key stands for a dot."""
    return Outcome(tensors={OUT: {name.replace("__", "."): want for name, want in tensors.items()}})


def names(*expected, path=OUT):
    return Outcome(names={path: sorted(expected)})


def fails(status, *says):
    return Outcome(status, says)


def prints(*says):
    return Outcome(0, says)


A_NAMES = ["h.0.w", "h.1.w", "lnXw", "ln.w", "m", "i", "f8", "q"]

# name, plan, what the Python program does, what we do, further words of the command line.
ROWS = [
    ("D1 search and replace", A + steps("delete: {target: '(?!m).*'}", r"copy: {from: '.*', to: 'c.\g<0>'}") + WRITE,
     names("m", "c.mc."), names("m", "c.m")),
    ("D1 alternatives", A + steps("copy: {from: 'h|h.0.w', to: X}") + WRITE,
     names(*A_NAMES, "X.0.w"), names(*A_NAMES, "X")),
    ("D2 captures in braces", A + steps("copy: {from: [h, $i, w], to: [c, '${i}', w]}") + WRITE,
     fails(1, "Interpolation key 'i' not found"), names(*A_NAMES, "c.0.w", "c.1.w")),
    ("D3 permute", A + steps("permute: {from: m, to: t, order: [1, 0]}") + WRITE,
     fails(1, "non contiguous tensor"), gives(t=[[0, 3], [1, 4], [2, 5]])),
    ("D3 views in torch files", "inputs: [tied.pt]\n" + steps("delete: {target: a}") + WRITE,
     fails(1, "non contiguous tensor"), gives(t=[[0, 3], [1, 4], [2, 5]])),
    ("D4 stale factorisation", "inputs: [square.safetensors]\n" + steps(
        "phlora_: {target: w, rank: 1}", "scale_: {target: w, by: 100}", "phlora_: {target: w, rank: 2}") + WRITE,
     gives(w=[[4, 0, 0], [0, 2, 0], [0, 0, 0]]), gives(w=[[400, 0, 0], [0, 0, 0], [0, 0, 0]])),
    ("D5 overlapping parts", A + steps("assign: {from: 'm::[:,0:2]', to: 'm::[:,1:3]'}") + WRITE,
     gives(m=[[0, 0, 0], [3, 3, 3]]), gives(m=[[0, 0, 1], [3, 3, 4]])),
    ("D6 cast to the same dtype", A + steps("cast: {from: m, to: n, dtype: float32}", "scale_: {target: n, by: 2}") +
     WRITE, fails(1, "share memory"), gives(m=[[0, 1, 2], [3, 4, 5]], n=[[0, 2, 4], [6, 8, 10]])),
    ("D6 tied tensors", "inputs: [tied.pt]\n" + steps("delete: {target: t}", "scale_: {target: a, by: 2}") + WRITE,
     fails(1, "share memory"), gives(a=[0, 2, 4, 6], b=[0, 1, 2, 3])),
    ("D7 dry run before an input is open", A + steps(
        "set: {dry-run: true}", "scale_: {target: m, by: 2}", "set: {dry-run: false}", "scale_: {target: m, by: 3}") +
     WRITE, fails(1, "matched zero tensors"), gives(m=[[0, 3, 6], [9, 12, 15]])),
    ("D8 prefixes remove", A + steps("scale_: {target: m, by: 2}", "prefixes: {mode: remove, alias: model}",
                                     "prefixes"),
     prints("model::"), prints("No model prefixes available.")),
    ("D8 prefixes rename", A + steps("scale_: {target: m, by: 2}", "prefixes: {mode: rename, from: model, to: new}",
                                     "copy: {from: 'new::m', to: 'new::n'}", "delete: {target: 'new::(?!n).*'}",
                                     "prefixes", "save: {path: %s, alias: new}" % OUT),
     Outcome(says=["model::"], tensors={OUT: {"n": [[0, 1, 2], [3, 4, 5]]}}),
     Outcome(tensors={OUT: {"n": [[0, 2, 4], [6, 8, 10]]}})),
    ("D9 skipped steps in the summary", A + steps("set: {preview: true, dry-run: true}", "scale_: {target: m, by: 2}",
                                                   "set: {verbose: true}"),
     Outcome(says=["- scale_:"], lacks=["- set: verbose"]), Outcome(says=["- set: verbose"], lacks=["- scale_:"])),
    ("D10 small numbers in execute", AB + steps("execute: {path: small_eps.yaml}"),
     fails(1, "equal.eps must be a non-negative number"), prints()),
    ("D11 presence tests count", AB + steps("add_: {from: 'a::m', to: 'b::m'}",
                                            "assert: {reads: {of: 'b::m', is: 1}}"),
     fails(1, "expected exactly 1"), prints()),
    ("D12 clamp of integers", A + steps("clamp: {from: i, to: c, min: 0}") + WRITE,
     gives(c="float32"), gives(c="int32")),
    ("D13 other models are dropped", AB + steps("split: {from: 'a::m', to: ['b::x', 'a::y'], sizes: [1, 1]}") + WRITE,
     Outcome(names={OUT: ["h.0.w", "m", "x"]}),
     Outcome(says=["model 'a' was changed and is not written"], names={OUT: ["h.0.w", "m", "x"]})),
    ("D14 the suffix of save", A + steps("save: z.pt"),
     Outcome(names={"z.pt": sorted(A_NAMES)}), Outcome(begins={"z.pt": b"PK"})),
    ("D14 save without a suffix", A + steps("save: folder"),
     Outcome(names={"folder": sorted(A_NAMES)}), Outcome(files=["folder/model.safetensors.index.json"])),
    ("D15 dump of a tensor with children", "inputs: [nested.safetensors]\n" + steps("dump"),
     prints("[0]  1"), prints("a  shape=[1]", "b  shape=[1]")),
    ("D15 dump of mixed names", "inputs: [mixed.safetensors]\n" + steps("dump"),
     fails(1, "invalid tree structure"), prints("shape=[1]")),
    ("D16 previews", A + steps("set: {preview: true}", "dump: {target: m}", "zeroes: {target: z, shape: [1]}"),
     prints("preview 2/3 dump: changed[1] model::m", "zeroes: no tensor impact"),
     prints("preview 2/3 dump: no tensor impact", "zeroes: created[1] model::z")),
    ("D17 a segment that starts with a capture", A + steps(
        r"copy: {from: [h, $i, w], to: ['\${i}x', w]}") + WRITE,
     fails(1, "invalid capture name"), names(*A_NAMES, "0x.w", "1x.w")),
    ("D20 scale of integers", A + steps("scale_: {target: i, by: 2}") + WRITE,
     fails(1, "can't be cast"), gives(i=[2, -4, 6])),
    ("D20 8-bit floats", A + steps("add_: {from: f8, to: f8}") + WRITE,
     fails(1, "not implemented for"), gives(f8=[2, 4])),
    ("D20 phlora of half types", "inputs: [half.safetensors]\n" + steps("phlora_: {target: w, rank: 1}") + WRITE,
     fails(1, "Half"), gives(w=[[4, 0, 0], [0, 0, 0], [0, 0, 0]])),
    ("D21 dcp", A + steps("scale_: {target: m, by: 2}") + "output: {path: d, format: dcp}\n",
     fails(1, "shard"), Outcome(files=["d/.metadata"])),
    ("D22 plans that only convert", A + WRITE, fails(1, "cannot infer output model"), names(*A_NAMES)),
    ("D23 the output's mistakes", A + steps("dump: {target: m, format: json}", "scale_: {target: m, by: 2}") +
     "output: q.xyz\n", Outcome(1, says=['{"m":{"shape":[2,3]']), Outcome(2, says=["suffix '.xyz'"])),
    ("D24 parameters", "inputs: [parameter.pt]\n" + steps("scale_: {target: p, by: 2}") + WRITE,
     fails(1, "leaf Variable"), gives(p=[2, 4])),
    ("D25 ragged values", A + steps("fill_: {target: m, mode: tensor, values: [[1, 2], [3]]}"),
     fails(1, "expected sequence of length"), fails(2, "ragged")),
    ("D25 a boolean as size", A + steps("reshape: {from: m, to: r, shape: [true, 6]}"),
     fails(1, "TypeError"), fails(2, "expected an integer")),
    ("D25 a text file", "inputs: [text.safetensors]\n" + steps("dump"),
     Outcome(1, says=["Error"]), fails(3, "text.safetensors")),
    ("D26 count of zero", A + steps("assert: {count: {of: none, is: 0}}"), fails(1, "matched zero"), prints()),
    ("D26 diff of two names", AB + steps("diff: {mode: pair, left: 'a::h.0.w', right: 'b::m'}"),
     fails(1, "mode"), prints("shape")),
    ("D27 typed overrides", A + steps("reshape: {from: m, to: r}") + WRITE, fails(1, "shape"),
     gives(r=[[0, 1], [2, 3], [4, 5]]), "transforms[0].reshape.shape=[3,2]"),
    ("D28 slices with an empty middle", A + steps("copy: {from: 'm::[:, ::2]', to: r}") + WRITE,
     fails(1, "reference"), gives(r=[[0, 2], [3, 5]])),
    ("D29 a bad summary mode", A + steps("scale_: {target: m, by: 2}") + WRITE,
     Outcome(1, files=[OUT]), Outcome(2, no_files=[OUT]), "--summary-mode", "zz"),
    ("D29 an override that ends in .yaml", A + "output: q\n", fails(2, "does not exist"),
     fails(2, "suffix '.yaml'"), "output=q.yaml"),
    ("D32 no workers", "inputs: [a.safetensors]\n" + steps("scale_: {target: m, by: 2}") + "output: d\n",
     fails(1, "max_io_workers"), fails(2, "--threads"), "--num-workers", "0"),
    ("D35 old shards", A + steps("scale_: {target: m, by: 2}") + "output: old\n",
     Outcome(files=["old/model-00001-of-00001.safetensors", "old/model-00003-of-00003.safetensors", "old/notes.txt"]),
     Outcome(files=["old/model-00001-of-00001.safetensors", "old/notes.txt"],
             no_files=["old/model-00003-of-00003.safetensors"])),
    ("D37 progress", A + steps("scale_: {target: m, by: 2}"), Outcome(says=["100%"]), Outcome(lacks=["100%"])),
    ("D38 the dot stays a wildcard", A + steps("delete: {target: ln.w}") + WRITE,
     names(*[n for n in A_NAMES if not n.startswith("ln")]), names(*[n for n in A_NAMES if not n.startswith("ln")])),
    ("D38 an escaped dot in a template", A + steps(r"copy: {from: m, to: 'x\.y'}") + WRITE,
     names(*A_NAMES, "x\\.y"), names(*A_NAMES, "x.y")),
    ("D27 options behind the plan", A + WRITE, fails(2, "key=value"), prints("Usage"), "--help"),
    ("D36 metadata", A + steps("scale_: {target: m, by: 2}") + WRITE,
     Outcome(metadata={OUT: None}), Outcome(metadata={OUT: {"format": "pt"}})),
    ("exit status of a mistake", A + steps("copy: {form: m, to: n}"), fails(1, "form"), fails(2, "did you mean 'from'")),
    ("not around a name that is not there", A + steps("assert: {not: {shape: {of: mm, is: [1]}}}"),
     prints(), fails(2, "no tensor matches")),
    ("misspelt keys of the plan", A + "transfroms: [{scale_: {target: m, by: 2}}]\n", prints("transforms: []"),
     fails(2, "did you mean 'transforms'")),
    ("one path written twice", A + steps("save: %s" % OUT, "scale_: {target: m, by: 2}") + WRITE,
     gives(m=[[0, 2, 4], [6, 8, 10]]), fails(2, "is written by a step of this plan too")),
    ("plans without inputs", steps("ones: {target: o, shape: [2]}") + WRITE, fails(1, "alias"), gives(o=[1, 1])),
    ("steps behind exit", AB + steps("scale_: {target: 'a::m', by: 2}", "exit", "scale_: {target: 'b::m', by: 2}") +
     WRITE, fails(1, "cannot infer output model"), names(*A_NAMES)),
    ("output.model", AB + steps("scale_: {target: 'a::m', by: 2}", "scale_: {target: 'b::m', by: 2}") +
     "output: {path: %s, model: b}\n" % OUT, fails(1, "model"), names("h.0.w", "m")),
    ("dtype of new tensors", A + steps("zeroes: {target: z, shape: [1], dtype: bfloat16}") + WRITE,
     fails(1, "dtype"), gives(z="bfloat16")),
    ("casts to 8-bit floats", A + steps("cast_: {target: m, to: float8_e4m3fn}") + WRITE,
     fails(1, "float8_e4m3fn"), gives(m="float8_e4m3fn")),
    ("scalars", A + steps("copy: {from: 'm::[0, 0:1]', to: o}", "reshape_: {target: o, shape: []}") + WRITE,
     fails(1, "shape"), gives(o=0.0)),
    ("eps and infinity", A + steps("fill_: {target: h.0.w, mode: constant, value: inf}",
                                   "assert: {equal: {left: h.0.w, right: h.0.w, eps: 1}}"),
     fails(1, "equal failed"), prints()),
    ("several against one", A + steps("copy: {from: m, to: n}", "assert: {equal: {left: '[mn]', right: m}}"),
     fails(1, "collision"), prints()),
    ("totals of previews", A + steps("set: {preview: true}", "execute: {transforms: {copy: {from: m, to: n}}}"),
     prints("preview session: changed[0], created[0], deleted[0]"),
     prints("preview session: changed[0], created[1], deleted[0]")),
    ("mistakes of execute", A + steps("execute: {transforms: [{copy: {form: m, to: n}}]}"),
     fails(1, "form"), fails(2, "in step #0 of this execute")),
    ("previews of load", A + steps("set: {preview: true}", "load: {path: one.safetensors, to: n}"),
     prints("load: no tensor impact"), prints("load: created[1] model::n")),
    ("previews of phlora", "inputs: [square.safetensors]\n" + steps(
        "set: {preview: true}", "phlora: {target: w, target_a: a, target_b: b, rank: 1}"),
     Outcome(says=["phlora: created[2] model::a, model::b"], lacks=["deleted[1]"]),
     Outcome(says=["created[2] model::a, model::b | deleted[1] model::w"])),
    ("groups that are not there", A + steps("copy: {from: '(h)\\.0\\.w', to: '\\g<2>'}"), fails(1, "invalid group reference"),
     fails(2, "invalid group reference")),
]


def run_row(tally, programs, row):
    name, plan, theirs, ours = row[:4]
    for who, program, wanted in (("Python", programs[1], theirs), ("ours", programs[0], ours)):
        with peers.scratch() as folder:
            make_inputs(folder)
            with open(os.path.join(folder, "plan.yaml"), "w", encoding="utf-8") as file:
                file.write(plan)
            environment = dict(os.environ, HOME=folder, PYTHONWARNINGS="ignore")
            done = subprocess.run([program, "cli", "plan.yaml", *row[4:]], cwd=folder, env=environment, timeout=SECONDS,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            printed = done.stdout.decode(errors="replace")
            tally.check("%s (%s)" % (name, who), wanted.problem(folder, done.returncode, printed))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    programs = [os.path.abspath(path) for path in sys.argv[1:3]]
    wanted = sys.argv[3:]
    tally = peers.Tally()
    for row in ROWS:
        if not wanted or any(row[0].startswith(word) for word in wanted):
            run_row(tally, programs, row)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
