# A tensor whose elements cannot be read is a name like others, until a step or a file needs its elements.
. "$(dirname "$0")/lib.sh"
corpus=$(cd "$(dirname "$0")/../corpus" && pwd)
cp "$corpus/torch/153_sparse_coo.pt" in.pt  # w: float32 [2]; x: sparse [4]

expect 0 '' inspect in.pt
grep -q 'sparse COO float32 \[4\] .* x  (elements cannot be read)' out || fail "inspect does not say what x is"
expect 0 '' inspect --json --digest in.pt
grep -q '"dtype": "sparse COO float32", "shape": \[4\], "nbytes": 0, "file": "in.pt", "unreadable": true}' out ||
  fail "inspect --json does not say what x is"

accepted() {
  plan 'inputs: [in.pt]' "transforms: [$1]" "output: {path: out.safetensors, overwrite: true}"
  expect 0 '' run plan.yaml
}
refused() {
  plan 'inputs: [in.pt]' "transforms: [$1]" "output: {path: never.safetensors}"
  expect 2 "$2" run plan.yaml
  one_error
  [ -e never.safetensors ] && fail "something was written"
}
what='is sparse COO float32 [4], whose elements'

accepted '{delete: {target: x}}'
accepted '{move: {from: x, to: y}}, {assert: {exists: y}}, {assert: {count: {of: ".*", is: 2}}}, {delete: {target: y}}'
accepted '{copy: {from: x, to: y}}, {assert: {shape: {of: y, is: [4]}}}, {delete: {target: "[xy]"}}'
accepted '{dump: {verbosity: full}}, {assert: {not: {dtype: {of: x, is: float32}}}}, {delete: {target: x}}'
grep -q 'x  shape=\[4\] (sparse COO float32) dtype=sparse COO float32' out || fail "dump does not say what x is"
accepted '{copy: {from: x, to: y}}, {assert: {same_shape: {left: x, right: y}}}, {delete: {target: "[xy]"}}'
accepted '{dump: {verbosity: stat, format: json}}, {diff: {left: x, right: x}}, {delete: {target: x}}'
grep -q 'x: not comparable: sparse COO float32' out || fail "diff does not say that x cannot be compared"
accepted '{zeroes: {target: y, shape: [4], dtype: float32}}, {assign: {from: y, to: x}}'

refused '{delete: {target: w}}' "output: model::x $what"
refused '{move: {from: x, to: y}}' "output: model::y $what"
refused '{scale_: {target: x, by: 2}}' "scale_: model::x $what"
refused '{cast_: {target: x, to: float16}}' "cast_: model::x $what"
refused '{reshape: {from: x, to: y, shape: [2, 2]}}' "reshape: model::x $what"
refused '{fill_: {target: x, mode: constant, value: 1}}' "fill_: model::x $what"
refused '{copy: {from: "x::[0:2]", to: y}}' "model::x $what"
refused '{concat: {from: [x, w], to: y}}' "concat: model::x $what"
refused '{assign: {from: "w::[0]", to: "x::[0]"}}' "model::x $what"
refused '{assert: {equal: {left: x, right: x}}}' "model::x $what"
refused '{assert: {iszero: x}}' "model::x $what"
for operator in '{finite: x}' '{range: {of: x, min: 0}}' '{sum: {of: x, is: 0}}' '{norm: {of: x, min: 0}}' '{unique: x}' \
  '{close: {left: x, right: x}}' '{equal: {left: x, right: x, rtol: 1}}'; do
  refused "{assert: $operator}" "model::x $what"
done
refused '{save: {path: saved.pt}}' "save: model::x $what"
refused '{save: {path: saved.npy, target: x}}' "save: model::x $what"

finish
