# Plans that are part of the program: listed, printed, described, run; and what a plan says of itself.
. "$(dirname "$0")/lib.sh"
make a.safetensors 1

expect 0 '' recipes; grep -q '^reshard  *The same tensors in files of another size' out || fail "no line for a recipe"
[ "$(wc -l <out)" -ge 40 ] || fail "not all recipes are listed"
expect 0 '' recipes show reshard; cp out mine.yaml
expect 0 '' check mine.yaml -p model=a.safetensors -p out=b; grep -q 'plan OK' out || fail "a recipe that was printed is no plan"
expect 2 "did you mean 'reshard'?" recipes show reshrd; one_error
expect 2 'requires name' recipes show; one_error
expect 2 "did you mean 'reshard'?" run recipe:reshrd; one_error
expect 2 "there is no recipe 'nothing'" help recipe:nothing; one_error

expect 0 '' run recipe:reshard -p model=a.safetensors -p out=b -p shard=none; [ -s b/model.safetensors ] || fail "nothing written"
expect 0 '' recipe:reshard -p model=a.safetensors -p out=c; [ -s c/model-00001-of-00001.safetensors ] || fail "nothing written without run"
expect 0 '' check recipe:reshard -p model=a.safetensors -p out=b; grep -q 'plan OK' out || fail "check"
expect 0 '' explain recipe:reshard -p model=a.safetensors -p out=b; grep -q 'output b' out || fail "explain"
expect 2 "parameter 'out' has no value" run recipe:reshard -p model=a.safetensors; one_error
grep -q 'recipe:reshard' err || fail "a mistake in a recipe has no place"
expect 0 '' check recipe:reshard output.path=d params.out=x -p model=a.safetensors; grep -q "write 'd'" out || fail "a recipe takes no assignments"

expect 0 '' help recipe:reshard; cp out asked; grep -q '^  shard ' out || fail "help lists no parameters"
for words in 'recipe:reshard --help' 'run recipe:reshard --help' 'check -h recipe:reshard' 'run --threads 2 recipe:reshard --help'; do
  # shellcheck disable=SC2086
  expect 0 '' $words; cmp -s out asked || fail "not what help says: $words"
done
expect 0 '' mine.yaml --help; cmp -s out asked || fail "not what help says of the file"
expect 0 '' run --help; grep -q 'recipe:NAME' out || fail "help of run"

# What a checkpoint looks like whose names a plan does not have.
python3 - <<'PY'
import json, struct
def write(path, names):
    header = json.dumps({n: {"dtype": "F32", "shape": [], "data_offsets": [4 * i, 4 * i + 4]} for i, n in enumerate(names)}).encode()
    open(path, "wb").write(struct.pack("<Q", len(header)) + header + bytes(4 * len(names)))
write("meta.safetensors", ["layers.0.attention.wq.weight", "tok_embeddings.weight"])
write("mp_rank_01.safetensors", ["layers.0.attention.wq.weight", "tok_embeddings.weight"])
write("ddp.safetensors", ["module.transformer.h.0.attn.c_attn.weight"])
write("plain.safetensors", ["a.b"])
PY
hints() {  # FILE PATTERN
  printf '%s\n' "inputs: ['$1']" "transforms: [{delete: {target: '$2'}}]" "output: x.safetensors" >hint.yaml
  expect 2 'no tensor matches' check hint.yaml
}
hints meta.safetensors 'model\.layers\.0\.self_attn\.q_proj\.weight'
grep -q "names of Meta's releases" err && grep -q 'brainsurgery help recipe:llama-meta-to-hf' err || fail "Meta's names are not recognised"
hints meta.safetensors 'layers\.9\.attention\.wq\.weight'
grep -q 'recipe:' err && fail "a hint for who knows the names"
hints mp_rank_01.safetensors 'nothing'
grep -q 'recipe:join-ranks' err || fail "one rank's part is not recognised"
hints ddp.safetensors 'transformer\.h\.0\.attn\.weight'
grep -q 'recipe:clean-training-file' err && grep -q 'recipe:gpt2-to-linear' err || fail "a wrapper and what it wraps"
hints plain.safetensors 'nothing'
grep -q 'recipe:' err && fail "a hint for names that tell nothing"

finish
