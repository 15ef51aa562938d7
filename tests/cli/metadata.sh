# Metadata pairs: what a plan sets and drops, and pairs that place parts of tensors.
. "$(dirname "$0")/lib.sh"
# part NAME ROWS OFFSET: rows of a matrix "w" of two bytes a row, as one rank of a distributed save leaves them.
part() {
  pairs="{\"format\":\"pt\",\"DCP_SHARDING_INFO\":\"{\\\"w\\\": {\\\"saved_offsets\\\": [$3, 0]}}\",\"DCP_VERSION\":\"1.0\"}"
  header="{\"__metadata__\":$pairs,\"w\":{\"dtype\":\"U8\",\"shape\":[$2,2],\"data_offsets\":[0,$(($2 * 2))]}}"
  # shellcheck disable=SC2059
  printf "\\$(printf %o $((${#header} % 256)))\\$(printf %o $((${#header} / 256)))\\0\\0\\0\\0\\0\\0" >"$1"
  printf '%s' "$header" >>"$1"
  bytes=$(printf 'abcdefghijkl' | cut -c$(($3 * 2 + 1))-$((($3 + $2) * 2)))
  printf '%s' "$bytes" >>"$1"
}
pairs() { "$program" inspect "$1" 2>err | sed -n 's/^metadata //p' | sort | tr '\n' ';'; }
has() { [ "$(pairs "$1")" = "$2" ] || fail "$1 has the pairs $(pairs "$1")"; }
digest() { "$program" inspect "$1" --json --digest | grep -o '"name": "[^"]*", "dtype": "[^"]*", "shape": [^"]*\|"sha256": "[0-9a-f]*"'; }

# Set and drop.
plan "transforms: [{zeroes: {target: w, shape: [2]}}]" "output: {path: a.safetensors, metadata: {set: {author: me, epoch: '3', n.a: x}}}"
expect 0 '' run plan.yaml; has a.safetensors 'author = me;epoch = 3;format = pt;n.a = x;'
plan 'inputs: [a.safetensors]' "output: {path: b.safetensors, metadata: {drop: ['n\\..*', auth], set: {epoch: '4', format: np}}}"
expect 0 "warning: no metadata key matches 'auth'" run plan.yaml; has b.safetensors 'author = me;epoch = 4;format = np;'
expect 0 '' run plan.yaml output.metadata.set.epoch=5 output.metadata.drop=[author]; has b.safetensors 'epoch = 5;format = np;n.a = x;'
expect 0 '' run plan.yaml --summary-mode resolve; "$program" run plan.yaml --summary-mode resolve >again.yaml 2>err
expect 0 '' run again.yaml; has b.safetensors 'author = me;epoch = 4;format = np;'
plan 'inputs: [a.safetensors]' 'output: {path: c, shard: 1B, metadata: {drop: [.*]}}'
expect 0 '' run plan.yaml; has c 'format = pt;'
plan 'inputs: [a.safetensors]' 'output: {path: c.pt, metadata: {set: {a: b}}}'
expect 2 'a torch checkpoint has no place for metadata' check plan.yaml; one_error

# Dropping comes before setting; what several patterns drop is dropped once, and every one of them matches it.
plan 'inputs: [a.safetensors]' "output: {path: b.safetensors, metadata: {drop: [author, 'auth.*', author], set: {author: you}}}"
expect 0 '' run plan.yaml; grep -q warning err && fail 'a warning'; has b.safetensors 'author = you;epoch = 3;format = pt;n.a = x;'
plan 'inputs: [a.safetensors]' "output: {path: b.safetensors, metadata: {drp: [author]}}"
expect 2 'keys of output.metadata: set, drop' run plan.yaml; one_error

# Parts of tensors: joined in a directory and through a pattern.
mkdir parts; part parts/shard-00001-model-00001-of-00001.safetensors 1 0; part parts/shard-00002-model-00001-of-00001.safetensors 2 1
part parts/shard-00003-model-00001-of-00001.safetensors 3 3; part whole.safetensors 6 0
for way in parts 'parts/*'; do
  expect 0 '' convert "$way" joined.safetensors; grep -q warning err && fail 'a warning'
  has joined.safetensors 'format = pt;'
  [ "$(digest joined.safetensors)" = "$(digest whole.safetensors)" ] || fail "joined wrongly"
done
cp parts/shard-00003-model-00001-of-00001.safetensors parts/shard-00004-model-00001-of-00001.safetensors  # the same once more
expect 0 "warning: directory 'parts': several files hold the same part of 'w'; that of the first file is read, the others are not compared with it" convert parts again.safetensors
cmp joined.safetensors again.safetensors || fail "the same part twice"
part parts/shard-00004-model-00001-of-00001.safetensors 2 2
expect 3 "directory 'parts': two parts of 'w' overlap" inspect parts; one_error
rm parts/shard-00004-model-00001-of-00001.safetensors parts/shard-00002-model-00001-of-00001.safetensors
expect 3 "directory 'parts': parts of 'w' are missing" inspect parts; one_error
# An entry without a place.
mkdir odd; part odd/shard-00001-model-00001-of-00001.safetensors 1 0
sed 's/saved_offsets/other_offsets/' parts/shard-00003-model-00001-of-00001.safetensors >odd/shard-00002-model-00001-of-00001.safetensors
expect 3 "invalid DCP_SHARDING_INFO: 'w' has no saved_offsets" inspect odd; one_error
# One part alone stays one, until a step makes another tensor of it.
one=parts/shard-00003-model-00001-of-00001.safetensors
sharding='DCP_SHARDING_INFO = {"w": {"saved_offsets": [3, 0]}};DCP_VERSION = 1.0;format = pt;'
expect 0 '' convert $one same.safetensors; has same.safetensors "$sharding"
plan "inputs: [$one]" 'transforms: [{move: {from: w, to: v}}]' 'output: changed.safetensors'
expect 0 "dropped the metadata pair 'DCP_SHARDING_INFO'" run plan.yaml; has changed.safetensors 'format = pt;'
# In several files it would be a part in each of them.
two='{"__metadata__":{"DCP_SHARDING_INFO":"{\"a\": {\"saved_offsets\": [2]}, \"w\": {\"saved_offsets\": [2]}}"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}'
# shellcheck disable=SC2059
{ printf "\\$(printf %o ${#two})\\0\\0\\0\\0\\0\\0\\0"; printf '%sxy' "$two"; } >two.safetensors
plan 'inputs: [two.safetensors]' 'output: {path: split, shard: 1B}'
expect 0 "warning: dropped the metadata pair 'DCP_SHARDING_INFO': it places the tensors of one file, and several are written" run plan.yaml
expect 0 '' inspect split; has split 'format = pt;'
plan 'inputs: [two.safetensors]' 'output: {path: single, shard: 2B}'
expect 0 '' run plan.yaml; grep -q warning err && fail 'a warning'; pairs single | grep -q DCP_SHARDING_INFO || fail 'one shard lost its pairs'

# A step changes the pairs for what is written behind it, and the output goes on from there.
plan 'inputs: [single]' 'transforms:' '  - metadata: {set: {author: me, epoch: "3"}}' '  - save: first.safetensors' \
  '  - metadata: {drop: ["auth.*"], set: {epoch: "4"}}' 'output: {path: last.safetensors, metadata: {drop: [DCP.*], set: {last: "5"}}}'
expect 0 '' run plan.yaml; grep -q warning err && fail 'a warning'
pairs first.safetensors | grep -q 'author = me' || fail 'a pair is not saved'
pairs first.safetensors | grep -q 'epoch = 3' || fail 'a pair is not saved'
has last.safetensors 'epoch = 4;format = pt;last = 5;'
finish
