# Directories as people have them: several formats side by side, caches full of links, downloads that went wrong.
. "$(dirname "$0")/lib.sh"
tensor() { plan "transforms: [{zeroes: {target: $2, shape: [2]}}]" "output: {path: $1${3:-}}"; expect 0 '' run plan.yaml --no-summarize; }
names() { "$program" inspect "$1" 2>err | sed -n 's/^[A-Z].* //p' | tr '\n' ' '; }
holds() { [ "$(names "$1")" = "$2 " ] || fail "$1 holds '$(names "$1")', not '$2'"; }
warned() { grep -q "$1" err || fail "no warning: $1"; }
unwarned() { grep -q warning err && fail "a warning"; }
lists() { [ "$(ls -A "$1" | tr '\n' ' ')" = "$2 " ] || fail "$1 has $(ls -A "$1" | tr '\n' ' ')"; }

# Formats side by side: safetensors, then a distributed checkpoint, then PyTorch's files; a trainer's state never counts.
mkdir m
tensor m/optimizer.pt state; tensor m/training_args.bin arguments; tensor m/rng_state_0.pth state
expect 3 'holds no checkpoint' inspect m; one_error
tensor m/pytorch_model.bin torch; holds m torch; unwarned
tensor m dcp ', format: dcp'; warned "'pytorch_model.bin' in 'm' belongs to another checkpoint"
holds m dcp; warned "'pytorch_model.bin' in it is not read"
tensor m/model.safetensors st; holds m st; warned "'__0_0.distcp' in it is not read"
rm m/__0_0.distcp m/.metadata; holds m st; warned "'pytorch_model.bin' in it is not read"
rm m/pytorch_model.bin; holds m st; unwarned

# A new model in the place of an old one: what belonged to the old one goes, everything else stays.
tensor m/pytorch_model.bin torch
tensor m new ', shard: 1KB'; warned "'pytorch_model.bin' in 'm' belongs to another checkpoint"
lists m 'model-00001-of-00001.safetensors model.safetensors.index.json optimizer.pt pytorch_model.bin rng_state_0.pth training_args.bin'
holds m new
tensor m newer ', shard: none'; holds m newer
lists m 'model.safetensors optimizer.pt pytorch_model.bin rng_state_0.pth training_args.bin'
# Files of other names would be read along with a file that no index lists.
tensor m/extra.safetensors extra
tensor m last ', shard: none'; warned "'extra.safetensors' in 'm' was kept"
rm m/extra.safetensors

# Of a distributed checkpoint every data file is part, however many there were.
mkdir dist; for i in 0 1 2; do echo old >dist/__${i}_0.distcp; done; echo old >dist/.metadata; echo keep >dist/notes.txt
tensor dist new ', format: dcp'; holds dist new
lists dist '.metadata __0_0.distcp notes.txt'

# A cache of links into a store of files: it is read, and written to, but never through a link.
rm -rf store cache; mkdir -p store cache/main
tensor a.safetensors a; mv a.safetensors store/1111; echo '{}' >store/2222
ln -s ../../store/1111 cache/main/model.safetensors; ln -s ../../store/2222 cache/main/config.json
ln -s main cache/current
before=$(cat store/* | cksum)
for name in cache/main cache/current cache/main/model.safetensors; do holds $name a; unwarned; done
untouched() {
  [ "$(cat store/* | cksum)" = "$before" ] || fail "written through a link: $1"
  [ "$(ls store | tr '\n' ' ')" = '1111 2222 ' ] || fail "the store has changed: $1"
  [ -L cache/main/config.json ] && [ -L cache/current ] || fail "a link is gone: $1"
}
relink() { rm -rf cache/main/model*; ln -s ../../store/1111 cache/main/model.safetensors; }
for shard in none 1KB; do
  for target in cache/main cache/current; do
    for obstacle in no yes; do  # a folder inside makes the publication go by a journal
      relink; rm -rf cache/main/onnx; [ $obstacle = yes ] && mkdir cache/main/onnx
      tensor $target new ", shard: $shard"; untouched "$target $shard $obstacle"; holds cache/main new
      [ -n "$(find cache/main -name 'model*' -type l)" ] && fail "the old model is still linked"
      relink; plan "inputs: [$target]" 'transforms: [{move: {from: a, to: b}}]' "output: {path: $target, shard: $shard}"
      expect 0 '' run plan.yaml; untouched "over its input $target $shard $obstacle"; holds cache/main b
    done
  done
done
relink; tensor cache/main/model.safetensors new; untouched 'a single file'; holds cache/main new
relink; expect 0 '' convert cache/main cache/main/model.safetensors; untouched 'a file over its own link'; holds cache/main a
relink; expect 0 '' convert 'cache/main/*.safetensors' cache/main --shard-size none; untouched 'a pattern'; holds cache/main a
rm store/1111; relink; before=$(cat store/* | cksum)
expect 3 'model.safetensors' inspect cache/main; one_error

# Downloads that went wrong, as inputs and inside of a directory.
rm -rf m; mkdir m
two() { rm -rf m; plan 'transforms: [{zeroes: {target: x, shape: [100]}}, {zeroes: {target: y, shape: [100]}}]' 'output: {path: m, shard: 400B}'; expect 0 '' run plan.yaml; }
first=m/model-00001-of-00002.safetensors
says() { expect 3 "$1" inspect m; one_error; expect 3 "$2" inspect $first; one_error; }
two; holds m 'x y'; unwarned
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n' >$first
says 'is a Git LFS pointer, not the file itself' 'is a Git LFS pointer, not the file itself'
printf '<!DOCTYPE html><html>404</html>' >$first
says 'is a web page' 'is a web page'
two; truncate -s -20 $first; says 'cut off' 'cut off'
two; truncate -s 20 $first; says 'cut off' 'cut off'
two; : >$first; says 'the file has 0 bytes' 'the file has 0 bytes'
two; rm $first; says "names the file 'model-00001-of-00002.safetensors', which does not exist" "does not exist"
ln -s nowhere $first; says 'a link that points to nothing' 'a link that points to nothing'
# Without its index a lost shard still shows in the names.
two; rm $first m/model.safetensors.index.json; expect 3 "'model-00001-of-00002.safetensors' is missing" inspect m; one_error
# An index that is not that of the shards beside it.
two; tensor other.safetensors z; mv other.safetensors $first; expect 3 'the index is stale or a shard was replaced' inspect m; one_error
two; printf '{"weight_map": {"x": "model-00002-of-00002.safetensors", "y": "model-00001-of-00002.safetensors"}}' >m/model.safetensors.index.json
holds m 'x y'; warned 'in another shard than the index says'
two; tensor whole.safetensors whole; mv whole.safetensors m/model.safetensors; holds m whole; warned 'the index is ignored'

# A PyTorch model in shards.
rm -rf t; mkdir t; tensor t/pytorch_model-00001-of-00002.bin p; tensor t/pytorch_model-00002-of-00002.bin q
printf '{"metadata": {}, "weight_map": {"p": "pytorch_model-00001-of-00002.bin", "q": "pytorch_model-00002-of-00002.bin"}}' >t/pytorch_model.bin.index.json
tensor t/optimizer.bin o; holds t 'p q'; unwarned
cp -r t u; expect 0 '' convert u u --shard-size none; lists u 'model.safetensors optimizer.bin'; holds u 'p q'; unwarned
rm t/pytorch_model-00002-of-00002.bin; expect 3 "'pytorch_model-00002-of-00002.bin', which does not exist" inspect t; one_error

# Suffixes of other programs.
rm -rf c; mkdir c; tensor c/model.ckpt w ', format: torch'; tensor c/more.pth.tar v ', format: torch'; holds c 'v w'
tensor c/new.sft s ', format: safetensors'; holds c s; warned "'model.ckpt' in it is not read"
expect 2 "known suffixes: .safetensors, .npz, .pt, .pth, .bin" convert c/model.ckpt c/other.ckpt; one_error
finish
