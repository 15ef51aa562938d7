# Digests: the same content in every format and sharding, verification, expectations of plans, and locks.
. "$(dirname "$0")/lib.sh"
zeros=sha256:0000000000000000000000000000000000000000000000000000000000000000
digest_of() { "$program" digest "$1" | cut -d' ' -f1; }

plan 'transforms:' '- rand: {target: b.weight, shape: [300, 70], generator: counter, seed: 3}' \
  '- rand: {target: a.weight, shape: [33], generator: counter, seed: 4}' \
  '- cast_: {target: a.weight, to: bfloat16}' '- zeroes: {target: extra, shape: [1, 4]}' 'output: one.safetensors'
expect 0 '' run plan.yaml
want=$(digest_of one.safetensors)
case $want in sha256:????????????????????????????????????????????????????????????????) ;; *) fail "no digest: $want" ;; esac

# Whatever the format, the files and their order.
expect 0 '' convert one.safetensors many --shard-size 40KB
[ "$(ls many/*.safetensors | wc -l)" -gt 1 ] || fail 'not sharded'
expect 0 '' convert one.safetensors one.pt
expect 0 '' convert one.safetensors dcp --format dcp
expect 0 '' convert one.safetensors aligned.safetensors --layout aligned
for other in many one.pt dcp aligned.safetensors; do
  [ "$(digest_of $other)" = "$want" ] || fail "another digest in $other"
done

# Not of other names, dtypes, shapes or elements.
for step in 'move: {from: a.weight, to: c.weight}' 'cast_: {target: a.weight, to: float16}' \
  'reshape_: {target: a.weight, shape: [3, 11]}' 'add_: {from: a.weight, to: a.weight}' 'delete: {target: extra}'; do
  printf '%s\n' 'inputs: [one.safetensors]' "transforms: [{$step}]" 'output: other.safetensors' >step.yaml
  expect 0 '' run step.yaml
  [ "$(digest_of other.safetensors)" != "$want" ] || fail "the same digest after $step"
done

# verify: by the digest, and by a file that names what differs.
expect 0 '' verify many "$want"
expect 1 'is not what the digest given says' verify many $zeros; one_error
expect 2 'is no digest' verify many sha256:12
"$program" digest one.safetensors --json >all.digest
expect 0 '' verify one.pt all.digest; grep -q '3 tensors' out || fail 'no number of tensors'
printf '%s\n' 'inputs: [one.safetensors]' 'transforms:' '- scale_: {target: b.weight, by: 2}' '- delete: {target: extra}' \
  '- ones: {target: new, shape: [1]}' '- cast_: {target: a.weight, to: float32}' 'output: other.safetensors' >step.yaml
expect 0 '' run step.yaml
expect 1 '4 tensors of 3 differ' verify other.safetensors all.digest
for line in 'b.weight: other values' 'extra: missing' 'new: not expected' 'a.weight: dtype F32 instead of BF16'; do
  grep -q "$line" err || fail "not said: $line"
done
expect 3 '' verify one.safetensors nothing.digest; expect 3 'not valid JSON' verify one.safetensors /dev/null
echo '{"digest": "x"}' >bad.digest; expect 2 "a list 'tensors' is missing" verify one.safetensors bad.digest

# What a plan expects.
inputs="inputs: [{alias: m, path: one.safetensors, digest: '$want'}]"
plan "$inputs" 'transforms: [{scale_: {target: b.weight, by: 2}}]' 'output: out.safetensors'
expect 0 '' run plan.yaml
made=$(digest_of out.safetensors)
cp out.safetensors old.safetensors
plan "$inputs" 'transforms: [{scale_: {target: b.weight, by: 2}}]' "output: {path: out.safetensors, expect: '$made'}"
expect 0 '' run plan.yaml
plan "$inputs" 'transforms: [{scale_: {target: b.weight, by: 3}}]' "output: {path: out.safetensors, expect: '$made'}"
keep
expect 1 "what would be written to 'out.safetensors' is not what the plan says" run plan.yaml; one_error
cmp -s old.safetensors out.safetensors || fail 'published though the digest is another one'
no_litter
plan "$inputs" "transforms: [{save: {path: saved, shard: none, expect: '$zeros'}}]"
expect 1 "written to 'saved'" run plan.yaml; [ ! -e saved ] || fail 'saved though the digest is another one'
plan "$inputs" 'output: {path: o, expect: sha256:1}'; expect 2 "expect: 'sha256:1' is no digest" check plan.yaml
plan "inputs: [{path: one.safetensors, digest: '$zeros'}]" 'output: o.safetensors'
expect 0 '' check plan.yaml; expect 1 "input 'model' ('one.safetensors') is not what the plan says" run plan.yaml
[ ! -e o.safetensors ] || fail 'written in spite of another input'
plan 'inputs: [{path: one.safetensors, digest: abc}]' 'output: o.safetensors'; expect 2 "'abc' is no digest" check plan.yaml

# Locks.
plan 'params: {by: 2}' 'inputs: [m::one.safetensors]' 'transforms: [{scale_: {target: b.weight, by: "${by}"}}]' 'output: out.safetensors'
expect 0 '' run plan.yaml --lock plan.lock.yaml
grep -q "$want" plan.lock.yaml || fail 'no digest of the input'; grep -q "$made" plan.lock.yaml || fail 'no digest of the output'
expect 0 '' run plan.yaml --locked plan.lock.yaml
cp out.safetensors old.safetensors
expect 1 'the plan is not the one' run plan.yaml --locked plan.lock.yaml -p by=3
grep -q "by: '3'" err || fail 'the line that differs is not shown'
expect 1 'the plan is not the one' run plan.yaml output=elsewhere.safetensors --locked plan.lock.yaml
mv one.safetensors kept.safetensors; cp many/model-00001* one.safetensors
expect 1 "input 'm' ('one.safetensors') is not what 'plan.lock.yaml' says" run plan.yaml --locked plan.lock.yaml
rm one.safetensors; expect 3 'one.safetensors' run plan.yaml --locked plan.lock.yaml
mv kept.safetensors one.safetensors
sed "s/$made/$zeros/" plan.lock.yaml >other.lock.yaml
expect 1 "is not what 'other.lock.yaml' says" run plan.yaml --locked other.lock.yaml
cmp -s old.safetensors out.safetensors || fail 'published in spite of the lock'
expect 2 'is no lock' run plan.yaml --locked plan.yaml
expect 3 '' run plan.yaml --locked nothing.yaml
expect 2 '' run plan.yaml --lock a --locked plan.lock.yaml; expect 2 '' run plan.yaml --lock a --dry-run
[ ! -e a ] || fail 'a lock of a run that was refused'
finish
