# The files beside the weights: which of them a directory takes over, and how.
. "$(dirname "$0")/lib.sh"
lists() { [ "$(ls -A "$1" | tr '\n' ' ')" = "$2 " ] || fail "$1 has $(ls -A "$1" | tr '\n' ' ')"; }
same() { cmp -s "$1" "$2" || fail "$2 is not $1"; }
edit='transforms: [{scale_: {target: w, by: 2}}]'

# A folder as people have them: documents, other weights, what a trainer and other programs left.
model() {
  rm -rf m; mkdir m; make m/model.safetensors 1
  printf '{\r\n\t"model_type" : "x",  "eps": 1e-5 }' >m/config.json
  head -c 300000 /dev/urandom >m/tokenizer.model
  : >m/README.md
  echo '{}' >m/tokenizer.json; echo a >m/vocab.txt; echo a >"m/two
lines.txt"
  for name in pytorch_model.bin pytorch_model.bin.index.json x.gguf consolidated.00.pth optimizer.pt \
    scheduler.pt training_args.bin rng_state_0.pth tf_model.h5 flax_model.msgpack model.onnx old.ckpt \
    .gitattributes; do echo weights >"m/$name"; done
  mkfifo m/pipe
}
carried="README.md config.json tokenizer.json tokenizer.model two
lines.txt vocab.txt"
model
plan 'inputs: [m]' "$edit" 'output: {path: t/, shard: none}'
expect 0 '' check plan.yaml; grep -q 'carrying 6 files (293.* KB): README.md, config.json' out || fail 'check does not name them'
grep -q 'two\\x0alines.txt' out || fail 'a name is not escaped'
expect 0 '' explain plan.yaml; grep -q 'carried file t//*config.json' out || fail 'explain does not name them'
expect 0 'carrying 6 files' run plan.yaml --no-summarize
ls -A t >names; printf '%s\n' README.md config.json model.safetensors tokenizer.json tokenizer.model two 'lines.txt' vocab.txt >wanted
sort names >names.sorted; sort wanted | cmp -s - names.sorted || fail "out has $(cat names)"
for name in README.md config.json tokenizer.model tokenizer.json vocab.txt 'two
lines.txt'; do same "m/$name" "t/$name"; done
expect 0 '' --json run plan.yaml
grep -q '"carried":\[{"name":"README.md","bytes":0},{"name":"config.json","bytes":38' out || fail 'no JSON of carried files'

# None, some, and patterns without a match.
rm -rf t; plan 'inputs: [m]' "$edit" 'output: {path: t/, shard: none, carry: none}'; expect 0 '' run plan.yaml
lists t model.safetensors
rm -rf t; plan 'inputs: [m]' "$edit" "output: {path: t/, shard: none, carry: ['*.json', 'nothing*', '*.bin']}"
expect 0 "carry: 'nothing*' matches no file in 'm/' beside the weights" run plan.yaml
grep -q "'\*.bin' matches no file" err || fail 'a pattern may choose weights'
lists t 'config.json model.safetensors tokenizer.json'
plan 'inputs: [m]' 'output: {path: t/, carry: some}'; expect 2 'carry: expected all or none' check plan.yaml
plan 'inputs: [m]' 'output: {path: t/, carry: []}'; expect 2 'carry: expected' check plan.yaml
plan 'inputs: [m]' 'output: {path: o.safetensors, carry: all}'; expect 2 "'o.safetensors' is a single file" check plan.yaml
plan 'inputs: [m]' 'output: {path: o.safetensors, carry: none}'; expect 0 '' check plan.yaml

# A file lies among others of all kinds, unless a config.json says that its folder is a model's.
rm -rf t; plan 'inputs: [m/model.safetensors]' 'output: {path: t/, shard: none}'; expect 0 'carrying 6 files' run plan.yaml
mv m/config.json m/settings.json; rm -rf t; expect 0 '' run plan.yaml; lists t model.safetensors
rm -rf t; plan 'inputs: [m/model.safetensors]' 'output: {path: t/, shard: none, carry: [settings.json]}'
expect 0 '' run plan.yaml; lists t 'model.safetensors settings.json'

# Steps that save, conversions, plans within plans, and a model that a step saved and another one opens.
model; rm -rf t; plan 'inputs: [m]' 'transforms: [{save: {path: t/, shard: none}}]'; expect 0 'carrying 6 files' run plan.yaml
same m/config.json t/config.json
rm -rf t; plan 'inputs: [m]' 'transforms: [{save: {path: t/, shard: none, carry: [vocab.txt]}}]'; expect 0 '' run plan.yaml
lists t 'model.safetensors vocab.txt'
plan 'inputs: [m]' 'transforms: [{save: {path: w.npy, target: w, carry: all}}]'; expect 2 'is for whole models' check plan.yaml
rm -rf t; expect 0 'carrying 6 files' convert m t/ --shard-size none
rm -rf t; expect 0 '' convert m t/ --shard-size none --carry none; lists t model.safetensors
rm -rf t; expect 0 '' convert m t/ --shard-size none --carry vocab.txt --carry 'tok*.json'; lists t 'model.safetensors tokenizer.json vocab.txt'
rm -rf t; expect 0 'carrying 6 files' convert m t --format dcp; [ -e t/config.json ] || fail 'no config.json'
rm -rf t; plan 'transforms: [{execute: {plan: {inputs: [m], output: {path: t/, shard: none, carry: [vocab.txt]}}}}]'
expect 0 '' run plan.yaml; lists t 'model.safetensors vocab.txt'
rm -rf t two; plan 'inputs: [m]' 'transforms: [{save: {path: t/, shard: none}}, {load: {path: t/, alias: b}}]' 'output: {path: two/, model: b, shard: none}'
expect 0 '' run plan.yaml; same m/config.json two/config.json
plan 'inputs: [m]' 'transforms: [{scale_: {target: w, by: 2}}]' 'output: {path: two/, carry: [vocab.txt], shard: none}'
expect 0 '' run plan.yaml --summary-mode resolve
grep -q 'carry:' out || fail 'the summary has no carry'

# Targets that exist: what has the name of a carried file is replaced where that is allowed.
rm -rf t; mkdir t; echo mine >t/config.json; echo mine >t/notes.txt
plan 'inputs: [m]' "$edit" 'output: {path: t, shard: none, overwrite: false}'
expect 3 "'t/config.json': it already exists; overwriting is disabled" run plan.yaml; lists t 'config.json notes.txt'
[ "$(cat t/config.json)" = mine ] || fail 'overwritten'
plan 'inputs: [m]' "$edit" 'output: {path: t, shard: none}'; expect 0 '' run plan.yaml; same m/config.json t/config.json
[ -e t/notes.txt ] || fail 'a file of others is gone'
mkdir t/sub; expect 0 'not atomic' run plan.yaml; same m/vocab.txt t/vocab.txt

# In place: everything is there already.
cp -r m/config.json before.json; plan 'inputs: [m]' "$edit" 'output: {path: m, shard: none}'
expect 0 '' run plan.yaml; grep -q carrying err && fail 'carried onto itself'
same before.json m/config.json; [ -p m/pipe ] || fail 'the pipe is gone'

# A cache of huggingface_hub is full of links into its blobs; other links lead out.
rm -rf hub t secret; mkdir -p hub/models--a--b/snapshots/abc hub/models--a--b/blobs; echo secret >secret
make hub/models--a--b/blobs/1 1; echo '{}' >hub/models--a--b/blobs/2
cd hub/models--a--b/snapshots/abc || exit 1
ln -s ../../blobs/1 model.safetensors; ln -s ../../blobs/2 config.json; ln -s config.json inside.json
ln -s ../../../../secret notes.txt; ln -s nowhere gone.txt; ln -s /dev/null null.txt; cd ../../../..
for input in hub/models--a--b hub/models--a--b/snapshots/abc; do
  rm -rf t; plan "inputs: [$input]" "$edit" 'output: {path: t/, shard: none}'
  expect 0 "notes.txt' is not carried: it is a link that leads out of its directory" run plan.yaml
  lists t 'config.json inside.json model.safetensors'; [ -L t/config.json ] && fail 'a link was carried'
done

# Folders stay behind, with a warning.
model; mkdir m/1_Pooling m/checkpoint-5 m/.cache; rm -rf t; plan 'inputs: [m]' "$edit" 'output: {path: t/, shard: none}'
expect 0 "'m/1_Pooling' is not carried: it is a folder; copy it if the model needs it" run plan.yaml
[ "$(grep -c 'is a folder' err)" -eq 1 ] && ! grep -q 'the same goes' err || fail 'warnings of other folders'

# Too many of them, and a disk without room for them.
mkdir many; make many/model.safetensors 1; i=0; while [ $i -lt 300 ]; do : >many/$i.txt; i=$((i + 1)); done
plan 'inputs: [many]' 'output: {path: u/}'; expect 2 'holds 300 files beside the weights; at most 256 are carried' check plan.yaml
plan 'inputs: [many]' "output: {path: u/, carry: ['1*']}"; expect 0 '' check plan.yaml

# A disk without room for them, and a file that cannot grow to their size: nothing is left.
model; rm -rf t; head -c 3000000 /dev/zero >m/tokenizer.json; mkdir mount
plan 'inputs: [m]' "$edit" 'output: {path: mount/t, shard: none}'
if mount -t tmpfs -o size=2m none mount 2>/dev/null; then
  expect 3 'not enough space' run plan.yaml; one_error; [ -z "$(ls -A mount)" ] || fail "left behind: $(ls -A mount)"
  umount mount
else
  skip 'no mount'
fi
(ulimit -f 1; "$program" run plan.yaml >out 2>err) && fail 'a file larger than allowed'
[ -z "$(ls -A mount)" ] || fail "left behind: $(ls -A mount)"

# config.json from strangers: it is carried as it is, with a warning, and a step that needs it says why it cannot.
hostile() {  # WORDS
  rm -rf t; plan 'inputs: [h]' "$edit" 'output: {path: t/, shard: none}'; expect 0 "$1" run plan.yaml; same h/config.json t/config.json
  grep -q 'it is carried as it is' err || fail 'no word of what becomes of it'
  plan 'inputs: [h]' 'transforms: [{config: {set: {a: 1}}}]' 'output: {path: t/}'; expect 3 "$1" run plan.yaml; one_error
}
rm -rf h; mkdir h; make h/model.safetensors 1
head -c 100000 /dev/zero | tr '\0' '[' >h/config.json; hostile 'nested more than 128 deep'
printf '{"a": "\377"}' >h/config.json; hostile 'not valid UTF-8'
echo '[1, 2]' >h/config.json; hostile 'expected an object at the top'
: >h/config.json; hostile 'not valid JSON at line 1, column 1'
echo '{"a": 1, "a": 2}' >h/config.json; hostile 'the key "a" stands here twice'
rm h/config.json; truncate -s 1G h/config.json; plan 'inputs: [h]' 'transforms: [{config: {set: {a: 1}}}]' 'output: {path: t/}'
expect 3 'config.json' check plan.yaml; one_error
plan 'inputs: [h]' 'output: {path: t/}'; expect 0 'it is carried as it is' check plan.yaml
ln -sf ../secret h/config.json; plan 'inputs: [h]' 'transforms: [{config: {set: {a: 1}}}]' 'output: {path: t/}'
expect 2 "'model' has no config.json" check plan.yaml
rm h/config.json; mkfifo h/config.json; expect 2 "'model' has no config.json" check plan.yaml

# An edit in place replaces that document alone; without changes nothing but the weights is written.
rm -rf h; mkdir h; make h/model.safetensors 1; echo '{"model_type": "x"}' >h/config.json; echo '{ }' >h/tokenizer.json
before=$(stat -c %i h/config.json h/tokenizer.json)
plan 'inputs: [h]' "$edit" 'output: {path: h, shard: none}'; expect 0 '' run plan.yaml
[ "$(stat -c %i h/config.json h/tokenizer.json)" = "$before" ] || fail 'files that nobody edited were written'
plan 'inputs: [h]' 'transforms: [{config: {set: {model_type: y, a.b: [1.0, x]}}}]' 'output: {path: h, shard: none}'
expect 0 'config.json: model_type "x" -> "y"' run plan.yaml
printf '{\n  "model_type": "y",\n  "a": {\n    "b": [\n      1.0,\n      "x"\n    ]\n  }\n}\n' | cmp -s - h/config.json || fail 'config.json is another'
[ "$(cat h/tokenizer.json)" = '{ }' ] || fail 'tokenizer.json was changed'
expect 0 '' check plan.yaml; rm -rf t
plan 'inputs: [h]' 'transforms: [{config: {set: {model_type: z}}}]' 'output: {path: t/, shard: none}'
expect 0 '' --json check plan.yaml
grep -q '"changes":\[{"document":"config.json","key":"model_type","before":"\\"y\\"","after":"\\"z\\"","derived":false}\]' out || fail 'no JSON of changes'
expect 0 '' check plan.yaml 'transforms[0].config.set={"a.b": 7}'; grep -q 'config.json: a.b \[1.0, "x"\] -> 7' out || fail 'an argument has no type'

# What follows from the tensors, printed and written; conversions too.
rm -rf h; mkdir h; printf '{"torch_dtype": "float32", "eps": 1e-5}' >h/config.json
plan 'transforms: [{zeroes: {target: model.layers.0.w, shape: [2]}}]' 'output: {path: h, shard: none}'; expect 0 '' run plan.yaml
plan 'inputs: [h]' "transforms: [{cast_: {target: '.*', to: bfloat16}}]" 'output: {path: t/, shard: none}'
for command in check explain; do expect 0 '' $command plan.yaml; grep -q 'config.json: torch_dtype "float32" -> "bfloat16"' out || fail "$command does not say it"; done
expect 0 'config.json: torch_dtype "float32" -> "bfloat16"' run plan.yaml
printf '{\n  "torch_dtype": "bfloat16",\n  "eps": 1e-5\n}\n' | cmp -s - t/config.json || fail 'config.json is another'
expect 0 '' run plan.yaml output.auto=false; same h/config.json t/config.json
expect 0 '' run plan.yaml 'output.path=w.safetensors'
rm -rf t; expect 0 '' convert h t/ --no-auto; same h/config.json t/config.json
finish
