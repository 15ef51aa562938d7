"""The scenarios of the benchmark: plans, inputs, and the limits they are held against."""
from collections import namedtuple

from limits import Memory, Milliseconds, NewBlocks, Over, OverCopy, OverPlain, SameMemory, Speedup
from turns import PLAIN_READS, READS_AND_COPY

# STEPS is a list, or a function of the sizes. OUTPUT is filled in with the path of the target. BY_HAND names the
# function of by_hand.py. SAME is what must be the same as there: the "bytes" of the file, the "tensors", the product
# of "factors". PEERS are those that can do it; the Python program does the WORKAROUND behind the steps.
Scenario = namedtuple(
    "Scenario", "name title inputs steps limits by_hand output same directory volume sync peers workaround",
    defaults=["", "%s", "bytes", False, False, False, ("by hand", "Python"), []])
Start = namedtuple("Start", "name title arguments inputs steps limits runs")


def plan_text(inputs, steps, output):
    """Several inputs get the aliases a, b and c."""
    if len(inputs) > 1:
        inputs = [alias + "::" + path for alias, path in zip("abc", inputs)]
    lines = ["inputs:", *("  - " + path for path in inputs), "transforms:", *("  - " + step for step in steps)]
    return "\n".join([*lines, "output: " + output, ""])


RENAMES = [r"move: {from: 'model\.layers\.(\d+)\.(.+)', to: 'blocks.\1.\2'}",
           r"move: {from: 'model\.(embed_tokens|norm)\.weight', to: '\1'}",
           r"move: {from: 'lm_head\.weight', to: 'head'}"]
DELETES = [r"delete: {target: 'model\.layers\.0\.input_layernorm\.weight'}"]
THERE_AND_BACK = ["move: {from: lm_head.weight, to: head}", "move: {from: head, to: lm_head.weight}"]
SCALES = ["scale_: {target: '.+', by: 0.5}"]
CASTS = ["cast_: {target: '.+', to: bfloat16}"]
ASSERTS = ["assert: {iszero: {of: '.+', eps: 2}}"]
MERGES = [r"subtract: {from_a: 'a::(.+)', from_b: 'b::\1', to: 'a::\1'}", "scale_: {target: 'a::.+', by: 0.5}"]
CHAIN = ["cast_: {target: '.+', to: float32}", "scale_: {target: '.+', by: 0.7}",
         "clamp_: {target: '.+', min: -0.5, max: 0.5}", "scale_: {target: '.+', by: 1.3}",
         "clamp_: {target: '.+', max: 0.6}", "cast_: {target: '.+', to: bfloat16}"]
TASK_SUM = [r"compute: {match: 'a::(.+)', let: {p: 'b::\1', q: 'c::\1'}, as: 'x + 0.4 * (p - x) + 0.4 * (q - x)'}"]
RMS_ROWS = [r"compute: {match: '.+_proj\.weight', as: 'x * rsqrt(mean(x * x, dim=-1, keepdim=true) + 1e-6)'}"]
MEASURES = {"nan": "sum(is_nan(x))", "inf": "sum(abs(x) == inf)", "zeros": "sum(x == 0)", "min": "min(x)",
            "max": "max(x)", "mean": "mean(x)", "std": "sqrt(var(x))", "l2": "norm(x)"}
MATRICES = r"(.*(?:_proj|embed_tokens|lm_head))\.weight"
TRANSPOSES = [r"permute: {from: '%s', to: '\1.transposed', order: [1, 0]}" % MATRICES,
              "delete: {target: '%s'}" % MATRICES]
NEW_MODEL = "prefixes: {mode: add, alias: out}"
MEDIANS = [NEW_MODEL, r"compute: {match: 'model::(.+)', as: 'median(abs(x))', to: 'out::\1'}"]
FACTORS = [r"phlora: {target: '(.+)\.weight', target_a: '\1.A', target_b: '\1.B', rank: 16}"]


def statistics(sizes):
    return [NEW_MODEL, *(r"compute: {match: 'model::(.+)', as: '%s', dtype: %s, to: 'out::\1.%s'}" % (
        formula, "int64" if "sum" in formula else "float32", name) for name, formula in MEASURES.items())]


def splits(sizes):
    steps = []
    for i in range(sizes.layers):
        attention, mlp = "model.layers.%d.self_attn." % i, "model.layers.%d.mlp." % i
        parts = ", ".join("'%s%s_proj.weight'" % (attention, letter) for letter in "qkv")
        steps.append("split: {from: '%sqkv_proj.weight', to: [%s], sizes: [%d, %d, %d]}" % (
            attention, parts, sizes.hidden, sizes.key_value, sizes.key_value))
        steps.append("concat: {from: ['%sgate_proj.weight', '%sup_proj.weight'], to: '%sgate_up_proj.weight'}" % (
            mlp, mlp, mlp))
    return [*steps, r"delete: {target: '.+\.(qkv_proj|gate_proj|up_proj)\.weight'}"]


# The Python program refuses to write what its permute and phlora make, as it is not in row-major order; a reshape is.
def rows_of_factors(sizes):
    return [r"reshape_: {target: '.+\.[AB]', shape: [-1]}", r"reshape_: {target: '.+\.B', shape: [-1, 16]}",
            r"reshape_: {target: '.+\.A', shape: [16, %d]}" % sizes.hidden]


def rows_of_transposed(sizes):
    columns = {"gate_proj|up_proj": sizes.inner, "down_proj|q_proj|o_proj": sizes.hidden,
               "k_proj|v_proj": sizes.key_value, "embed_tokens|lm_head": sizes.vocabulary}
    back = ["reshape_: {target: '(.*\\.)?(%s)\\.transposed', shape: [-1, %d]}" % pair for pair in columns.items()]
    return [r"reshape_: {target: '.+\.transposed', shape: [-1]}", *back]


def forty_steps(sizes):
    moves = [r"move: {from: 'model\.layers\.%d\.(.+)', to: 'blocks.%d.\1'}" % (i, i) for i in range(38)]
    return moves + [r"assert: {count: {of: 'blocks\.\d+\.input_layernorm\.weight', is: 38}}",
                    r"assert: {dtype: {of: '.*layernorm\.weight', is: bfloat16}}"]


MODEL, MODELS, THREE = ("bfloat16",), ("bfloat16", "bfloat16-b"), ("bfloat16", "bfloat16-b", "bfloat16-c")
BY_HAND = ("by hand",)
SCENARIOS = [
    Scenario("rename", "rename every tensor", MODEL, RENAMES, [OverCopy(0.5), Memory(64)], "rename"),
    Scenario("aligned", "the same, `layout: aligned`, XFS", MODEL, RENAMES, [Milliseconds(30), NewBlocks(1)], "rename",
             output="{path: %s, layout: aligned}", same="tensors", volume=True),
    Scenario("delete", "delete one tensor", MODEL, DELETES, [OverCopy(0.5)], "delete"),
    Scenario("reshard", "write shards of 256 MB", MODEL, [], [OverCopy(0.5)], "reshard",
             output="{path: %s, shard: 256MB}", same="tensors", directory=True, workaround=THERE_AND_BACK),
    Scenario("scale", "scale every tensor by 0.5", MODEL, SCALES, [OverCopy(0.6), Memory(64)], "scale"),
    Scenario("cast", "cast float32 to bfloat16", ("float32",), CASTS, [OverCopy(0.45), Memory(64)], "cast"),
    Scenario("merge", "(a - b) * 0.5 of two models", MODELS, MERGES, [OverCopy(0.9), Memory(64)], "merge"),
    Scenario("chain", "six elementwise steps", MODEL, CHAIN, [Over(1.25, "scale")], "chain"),
    Scenario("transpose", "transpose every matrix", MODEL, TRANSPOSES, [OverCopy(1.1), Memory(300)], "transpose",
             workaround=rows_of_transposed),
    Scenario("split", "split qkv, join gate and up", ("fused",), splits, [OverCopy(0.6)], "split"),
    Scenario("scale-float16", "scale, float16", ("float16",), SCALES, [Over(1.2, "scale")], "scale"),
    Scenario("merge-float16", "(a - b) * 0.5, float16", ("float16", "float16-b"), MERGES, [Over(1.2, "merge")],
             "merge"),
    Scenario("assert", "assert on values, then scale", MODEL, ASSERTS + SCALES, [Over(1.3, "scale")],
             "assert_and_scale"),
    Scenario("phlora", "`phlora` of rank 16, 8 float32 matrices", ("matrices",), FACTORS, [Speedup(4)],
             "phlora", same="factors", workaround=rows_of_factors),
    Scenario("compute", "a + 0.4 (b - a) + 0.4 (c - a)", THREE, TASK_SUM, [Over(1.25, "merge"), Memory(64)],
             "task_sum", peers=BY_HAND),
    Scenario("rms", "RMS-normalise every row", MODEL, RMS_ROWS, [OverPlain(1.3, READS_AND_COPY), Memory(64)],
             "rms_rows", peers=BY_HAND),
    Scenario("statistics", "eight numbers of every tensor", MODEL, statistics,
             [OverPlain(1.15, PLAIN_READS), Memory(64)], "statistics", peers=BY_HAND),
    Scenario("median", "median of |x| of every tensor", MODEL, MEDIANS,
             [OverPlain(2.5, PLAIN_READS), Memory(64)], "medians", peers=BY_HAND),
    Scenario("rename-sync", "rename, synced", MODEL, RENAMES, [OverCopy(0.5)], "rename", sync=True,
             peers=()),
    Scenario("scale-sync", "scale, synced", MODEL, SCALES, [OverCopy(0.6)], "scale", sync=True,
             peers=()),
]
LARGE = [
    Scenario("scale-small", "scale, sparse, 2.2 GB", ("sparse",), SCALES, [], peers=()),
    Scenario("scale-large", "scale, sparse, 21.5 GB", ("sparse-large",), SCALES, [SameMemory(0.1, "scale-small")],
             same="nothing", peers=()),
]
STARTS = [
    Start("version", "`--version`", ["--version"], (), None, [Milliseconds(10)], 20),
    Start("check", "`check` of the rename plan", ["check"], MODEL, RENAMES, [Milliseconds(20)], 20),
    Start("check-large", "`check` of 40 steps, 91,991 tensors", ["check"], ("deepseek-v3",), forty_steps,
          [Milliseconds(300), Memory(100)], 7),
]


def needed_for(names):
    """The scenarios called NAMES, and those that their limits refer to."""
    wanted = set(names)
    for scenario in SCENARIOS:
        if scenario.name in names:
            wanted.update(limit.scenario for limit in scenario.limits if isinstance(limit, Over))
    return [scenario for scenario in SCENARIOS if scenario.name in wanted]
