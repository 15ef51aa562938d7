# `layout: aligned`: the same content anywhere, and no disk blocks of its own where the file system shares them.
. "$(dirname "$0")/lib.sh"
contents() { "$program" inspect "$1" --json --digest | grep -o '"name": "[^"]*"\|"sha256": "[0-9a-f]*"' | sort; }

# A checkpoint whose tensors are not all zeros, and whose header is of any length.
plan 'transforms:' \
  '- rand: {target: b.weight, shape: [300, 1000], seed: 1}' '- rand: {target: a.weight, shape: [1024, 1024], seed: 2}' \
  '- rand: {target: bias, shape: [77], seed: 3}' '- rand: {target: c.weight, shape: [1024, 1024], seed: 4}' \
  'output: in.safetensors'
expect 0 '' run plan.yaml
steps="transforms: [{move: {from: '([abc]).weight', to: 'model.blocks.\\1.kernel'}}, {scale_: {target: bias, by: 2}}]"
plan 'inputs: [in.safetensors]' "$steps" 'output: standard.safetensors'
expect 0 '' run plan.yaml
plan 'inputs: [in.safetensors]' "$steps" 'output: {path: aligned.safetensors, layout: aligned}'
expect 0 '' run plan.yaml
[ -n "$(contents standard.safetensors)" ] && [ "$(contents standard.safetensors)" = "$(contents aligned.safetensors)" ] ||
  fail "the layouts hold different contents"
expect 0 '' convert in.safetensors shards --shard-size 4MB --layout aligned
[ "$(contents in.safetensors)" = "$(contents shards)" ] || fail "the aligned shards hold other contents"
expect 2 "output.layout: expected standard or aligned, found the string 'alined'" convert in.safetensors x.safetensors --layout alined
expect 2 'layout: aligned is for safetensors, not for a torch checkpoint' convert in.safetensors x.pt --layout aligned

# On a file system that shares blocks. Mounting wants root, and a system that has one.
mkdir mount
if command -v mkfs.xfs >/dev/null && truncate -s 400M image && mkfs.xfs -q -m reflink=1 image 2>/dev/null &&
  mount -o loop image mount 2>/dev/null; then
  used() { sync -f mount; df --output=used -B1 mount | tail -n 1; }
  make big.safetensors 200
  cp big.safetensors in.safetensors mount
  cat big.safetensors >mount/big.safetensors # no holes
  before=$(used)
  plan 'inputs: [mount/big.safetensors]' "transforms: [{move: {from: w, to: 'some.longer.name'}}]" \
    'output: {path: mount/out.safetensors, layout: aligned}'
  expect 0 '200.0 MB in the disk blocks of the inputs' run plan.yaml
  # More of them than there is space for.
  expect 0 '' convert mount/big.safetensors mount/second.safetensors --layout aligned
  expect 0 '' convert mount/big.safetensors mount/third.safetensors --layout aligned
  expect 3 'not enough space' convert mount/big.safetensors mount/fourth.safetensors --layout standard
  more=$(($(used) - before))
  [ "$more" -lt 1000000 ] || fail "$more bytes of the disk instead of less than a megabyte"
  "$program" inspect mount/out.safetensors --json --digest | grep -q some.longer.name || fail "no output"
  for name in out second third; do
    [ "$("$program" inspect mount/$name.safetensors --json --digest | grep -o '"sha256": "[0-9a-f]*"')" = \
      "$("$program" inspect big.safetensors --json --digest | grep -o '"sha256": "[0-9a-f]*"')" ] || fail "$name has other bytes"
  done
  # Several tensors with a computed one among them.
  plan 'inputs: [mount/in.safetensors]' "$steps" 'output: {path: mount/few.safetensors, layout: aligned}'
  expect 0 'in the disk blocks of the inputs' run plan.yaml
  cmp -s mount/few.safetensors aligned.safetensors || fail "sharing gives other bytes"
  umount mount
else
  skip "no XFS can be mounted here"
fi
finish
