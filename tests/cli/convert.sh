# `convert`: every kind of input, every kind of output, and what becomes of tied names.
. "$(dirname "$0")/lib.sh"
corpus=$(cd "$(dirname "$0")/../corpus" && pwd)
make a.safetensors 1
contents() { "$program" inspect "$1" --json --digest | grep -o '"name": "[^"]*"\|"sha256": "[0-9a-f]*"'; }
same() { [ -n "$(contents "$1")" ] && [ "$(contents "$1")" = "$(contents "$2")" ] || fail "$1 and $2 differ"; }

# There and back; nothing is printed, as nothing was done but that.
expect 0 'b.pth' convert a.safetensors b.pth
[ -s out ] && fail "convert prints a summary"
same a.safetensors b.pth
expect 0 '' convert b.pth c.safetensors; same a.safetensors c.safetensors
expect 0 '' convert a.safetensors dcp --format dcp; [ -f dcp/.metadata ] || fail "no DCP"
expect 0 '' convert dcp d.safetensors; same a.safetensors d.safetensors
expect 0 '' convert a.safetensors dir --shard-size 1KB; [ -f dir/model.safetensors.index.json ] || fail "no index"
expect 0 '' convert dir e.safetensors --json; grep -q '"event":"report"' out || fail "no report"
same a.safetensors e.safetensors

# What can be wrong with it, said without a place in a text that nobody wrote.
expect 3 "error: checkpoint 'a.safetensor' does not exist; did you mean 'a.safetensors'" convert a.safetensor x.pt; one_error
expect 2 "error: output.tied: expected keep or drop, found the string 'dropp'" convert a.safetensors x.pt --tied dropp; one_error
expect 2 "format: expected one of" convert a.safetensors x --format zip; one_error
expect 2 "sharding needs a directory" convert a.safetensors x.safetensors --shard-size 1MB; one_error
expect 2 '' convert a.safetensors; one_error
cp a.safetensors inplace.safetensors; ln -s inplace.safetensors other.safetensors
expect 0 "warning: 'inplace.safetensors' is converted in place" convert inplace.safetensors inplace.safetensors
expect 0 "warning: 'other.safetensors' is converted in place" convert inplace.safetensors other.safetensors
expect 0 '' convert a.safetensors inplace.safetensors; grep -q 'in place' err && fail "another file is called the same"
expect 3 'overwriting is disabled' convert a.safetensors b.pth --no-overwrite; one_error
for words in 'convert a.safetensors x.pt --nonsense' 'convert "" x.pt' 'convert a.safetensors ""'; do
  eval "expect 2 '' $words"
done
[ -e x.pt ] && fail "an output of a refused conversion"

# Paths that would mean something in YAML, in an interpolation or in an input.
mkdir odd
for name in 'a::b' '${oc.env:HOME}' '\${x}' '\\${x}' 'a "b" \ c' "it's: [x] # y" 'ünï😀code' '*.st' 'tab	and
line' "$(printf 'c1\302\205and\342\200\250these')" '-' '~'; do
  cp a.safetensors "odd/$name.safetensors"
  expect 0 '' convert "odd/$name.safetensors" "odd/out $name.pt"
  [ -f "odd/out $name.pt" ] || fail "no output for '$name'"
done
printf 'x' >"odd/$(printf 'bad\377.safetensors')"
expect 2 'UTF-8' convert "odd/$(printf 'bad\377.safetensors')" x.pt; one_error

# What is no tensor goes from one distributed checkpoint to the next, and from there on.
extras="non-tensor entries, which only a dcp output keeps: "
expect 0 "$extras" convert "$corpus/dcp/001_plain" kept --format dcp; same "$corpus/dcp/001_plain" kept
expect 0 "$extras" convert kept again --format dcp; cmp kept/__0_0.distcp again/__0_0.distcp || fail "not kept"

# One of several state dicts.
expect 0 '' convert "$corpus/torch/013_nested_state_dict.pt" nested.safetensors
# Patterns.
mkdir shards
for i in 1 2 10; do
  plan 'transforms:' "- zeroes: {target: t$i, shape: [$i]}" "output: shards/m-$i.safetensors"
  expect 0 '' run plan.yaml
done
ln -s ../a.safetensors shards/m-link.safetensors; mkdir shards/m-folder.safetensors
expect 0 '' convert 'shards/m-*.safetensors' all.pt
[ "$(contents all.pt | grep -c name)" = 4 ] || fail "not all of the pattern"
expect 0 '' convert 'sh?rds/m-[12].safetensors' some.pt
[ "$(contents some.pt | grep -c name)" = 2 ] || fail "not the two of the pattern"
expect 0 '' inspect 'shards/m-*'; grep -q '^4 tensors.* in 4 files (safetensors)' out || fail "inspect does not take a pattern"
plan "inputs: ['shards/m-*.safetensors']" 'output: by_plan.pt'
expect 0 '' run plan.yaml; same all.pt by_plan.pt
plan "transforms: [{load: 'shards/m-1*.safetensors'}]" 'output: two.pt'
expect 0 '' run plan.yaml; [ "$(contents two.pt | grep -c name)" = 2 ] || fail "not the two that were loaded"
cp a.safetensors shards/m-z.safetensors
expect 3 "'shards/m-*.safetensors': the tensor 'w' is in 'm-link.safetensors' and in 'm-z.safetensors'" convert 'shards/m-*.safetensors' x.pt; one_error
expect 3 "no file matches 'shards/n-*.safetensors'; did you mean 'shards/m-*.safetensors'?" convert 'shards/n-*.safetensors' x.pt; one_error
expect 3 "no file matches 'shrads*/m-*'" convert 'shrads*/m-*' x.pt; one_error
expect 3 "is for one file, not for a pattern" convert 'shards/m-*.safetensors#model' x.pt; one_error
# Over the files that the pattern names: they are the checkpoint that is replaced.
rm -rf shards/m-link.safetensors shards/m-folder.safetensors shards/m-z.safetensors
echo keep >shards/notes.txt
expect 0 '' convert 'shards/m-*.safetensors' shards --shard-size none
[ "$(ls -A shards | tr '\n' ' ')" = 'model.safetensors notes.txt ' ] || fail "left behind: $(ls -A shards)"

# Tied tensors: the first name in the alphabet stays, as save_model keeps it.
tied=$corpus/torch/007_tied.pt
expect 0 '' convert "$tied" keep.safetensors; same "$tied" keep.safetensors
expect 0 '' convert "$tied" drop.safetensors --tied drop
"$program" inspect drop.safetensors >out; grep -q 'wte.weight$' out && ! grep -q 'metadata wte.weight = lm_head.weight' out && fail "not dropped"
grep -q 'metadata wte.weight = lm_head.weight' out || fail "the dropped name is not recorded"
grep -q '^2 tensors' out || fail "not two tensors"
expect 0 '' convert "$tied" drop --tied drop --shard-size 1KB
grep -q wte.weight drop/model.safetensors.index.json && fail "a dropped name in the index"
expect 0 '' inspect drop; grep -q 'metadata wte.weight = lm_head.weight' out || fail "not recorded in the shards"
[ -s err ] && fail "a warning about what was just written"
expect 0 '' convert "$tied" tied.pt --tied drop; same "$tied" tied.pt
expect 2 "tied: a dcp checkpoint cannot say which names it leaves out" convert "$tied" x --format dcp --tied drop; one_error
plan "inputs: ['$tied']" "transforms: [{save: {path: saved.safetensors, tied: drop}}, {load: {path: saved.safetensors, alias: s}}, {assert: {exists: 's::lm_head.weight'}}, {assert: {not: {exists: 's::wte.weight'}}}]" "output: {path: o.safetensors, tied: drop, model: model}"
expect 0 '' run plan.yaml; cmp -s o.safetensors drop.safetensors || fail "output.tied differs from --tied"
# The record of a tie is a pair as others are; the plan has the last word, and its loss is said.
record() { "$program" inspect o.safetensors | grep -c 'metadata lm_head.weight = wte.weight\|metadata wte.weight = lm_head.weight'; }
for edit in 'drop: [.*]' 'set: {lm_head.weight: mine, wte.weight: mine}'; do
  plan "inputs: ['$tied']" "output: {path: o.safetensors, tied: drop, metadata: {$edit}}"
  expect 0 'output.metadata removes the record that' run plan.yaml; [ "$(record)" -eq 0 ] || fail "a record after $edit"
  grep -q 'no metadata key matches' err && fail 'an untrue warning'
done
plan "inputs: ['$tied']" 'output: {path: o.safetensors, tied: drop, metadata: {drop: [format]}}'
expect 0 '' run plan.yaml; [ "$(record)" -eq 1 ] || fail 'no record'
cmp -s saved.safetensors drop.safetensors || fail "save.tied differs from --tied"
# A write ends the sharing: nothing is tied any more.
plan "inputs: ['$tied']" 'transforms: [{scale_: {target: wte.weight, by: 2}}]' 'output: {path: untied.safetensors, tied: drop}'
expect 0 '' run plan.yaml; "$program" inspect untied.safetensors | grep -q '^3 tensors' || fail "an untied name was dropped"

# The record of a tie goes with the names: not on once they are others, in a model that was saved and opened again too.
record='metadata wte.weight = lm_head.weight'
edited() {
  plan 'inputs: [drop.safetensors]' "transforms: [$1]" 'output: edited.safetensors'
  expect 0 "$2" run plan.yaml
  "$program" inspect edited.safetensors >out
}
edited '{scale_: {target: lm_head.weight, by: 2}}' ''; grep -q "$record" out || fail "a write lost the tie"
for step in '{move: {from: lm_head.weight, to: head}}' '{delete: {target: lm_head.weight}}' '{copy: {from: lm_head.weight, to: wte.weight}}'; do
  edited "$step" "dropped metadata that tied 'wte.weight' to 'lm_head.weight': the tensors no longer have these names"
  grep -q "$record" out && fail "a stale tie after $step"
done
plan 'inputs: [drop.safetensors]' "transforms: [{save: s.safetensors}, {load: {path: s.safetensors, alias: s}}, {move: {from: 's::lm_head.weight', to: 's::head'}}, {save: {path: t.safetensors, alias: s}}]"
expect 0 'save: dropped metadata that tied' run plan.yaml
"$program" inspect s.safetensors | grep -q "$record" || fail "save lost the tie"
"$program" inspect t.safetensors | grep -q "$record" && fail "save kept a stale tie"

# What has no name in its file is called after it.
plan 'inputs: [a.safetensors]' 'transforms: [{save: {path: bare.pt, target: w}}, {save: {path: arrays/h.w.npy, target: w}}, {save: {path: arrays/h.b, target: w, format: numpy}}]'
expect 0 '' run plan.yaml
plan 'inputs: ["b::bare.pt", "n::arrays/*.npy"]' "transforms: [{copy: {from: 'b::bare', to: 'n::more'}}, {assert: {count: {of: 'n::(h.w|h.b|more)', is: 3}}}]" 'output: {path: named.npz, model: n}'
expect 0 '' run plan.yaml; [ "$("$program" inspect named.npz | grep -c F32)" -eq 3 ] || fail "not three arrays"

# Every format that is listed can be named by save and load, in any case.
expect 0 '' convert a.safetensors upper.npz --format NPZ; same a.safetensors upper.npz
plan 'inputs: [a.safetensors]' 'transforms: [{save: {path: x, format: gguf, target: w}}, {load: {path: x, to: v, format: GGUF}}, {save: {path: y, format: npz, target: w}}, {load: {path: y, to: u, format: numpy}}]' 'output: four.pt'
expect 0 '' run plan.yaml
plan 'inputs: [a.safetensors]' 'transforms: [{save: {path: x, format: onnx}}]'
expect 2 "save.format: expected one of safetensors, npz, torch, dcp, numpy, gguf, found the string 'onnx'" run plan.yaml; one_error

# The format that a single tensor's file must have.
plan "transforms: [{load: {path: a.safetensors, to: w, format: numpy}}]" 'output: x.pt'
expect 2 "load.format: 'a.safetensors' is of format safetensors, not numpy" run plan.yaml; one_error
plan "transforms: [{load: {path: b.pth, to: w, format: torch}}, {load: {path: a.safetensors, to: v, format: auto}}, {load: {path: a.safetensors, to: u, format: safetensors}}]" 'output: three.pt'
expect 0 '' run plan.yaml
finish
