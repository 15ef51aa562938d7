# Where output may go, and what happens to what is there.
. "$(dirname "$0")/lib.sh"
make a.safetensors 1
to() { plan 'inputs: [a.safetensors]' 'transforms: [{scale_: {target: w, by: 2}}]' "output: $1"; }
sum() { cat "$@" | cksum; }

printf x >file
to file/b.safetensors; keep; expect 3 'file' run plan.yaml; one_error; no_litter
to nowhere/b.safetensors; expect 0 '' run plan.yaml; [ -s nowhere/b.safetensors ] || fail "parents are not made"
for special in fifo device; do
  rm -f b.safetensors
  if [ $special = fifo ]; then mkfifo b.safetensors; else mknod b.safetensors c 1 3 2>/dev/null || { skip "mknod"; continue; }; fi
  to b.safetensors; expect 3 'b.safetensors' run plan.yaml; one_error
  [ -f b.safetensors ] && fail "a $special was replaced"
done
rm -f b.safetensors

# A limit of the shell on the size of files is an error, not the signal that kills.
to limited.safetensors; keep
(ulimit -f 64; "$program" run plan.yaml >out 2>err); code=$?
[ $code -eq 3 ] || fail "exit code $code at a file size limit"
grep -q 'File too large' err || fail "the limit is not named"
grep -q "while writing 'limited.safetensors'; nothing was published there" err || fail "an existing file is spoken of"
one_error; no_litter
# An assertion that is decided with the output fails first, whatever becomes of the writing.
plan 'inputs: [a.safetensors]' 'transforms:' '- assert: {not: {iszero: {of: w}}}' '- scale_: {target: w, by: 2}' \
  'output: limited.safetensors'
(ulimit -f 64; "$program" run plan.yaml >out 2>err); code=$?
[ $code -eq 1 ] || fail "exit code $code for a failing assertion at a file size limit"
grep -q 'assertion failed' err || fail "the assertion is not named"
one_error; no_litter

printf 'precious' >precious; ln -s precious b.safetensors
to b.safetensors; expect 0 '' run plan.yaml
[ "$(cat precious)" = precious ] || fail "written through a link"
[ -L b.safetensors ] && fail "the link is still there"
before=$(sum b.safetensors)
expect 3 'b.safetensors' run plan.yaml --no-overwrite; one_error
expect 3 'b.safetensors' check plan.yaml --no-overwrite; one_error
[ "$(sum b.safetensors)" = "$before" ] || fail "changed in spite of --no-overwrite"

# Over the input itself: a file, and directories with and without shards.
cp a.safetensors c.safetensors
plan 'inputs: [c.safetensors]' 'transforms: [{move: {from: w, to: a.much.longer.name}}]' 'output: c.safetensors'
expect 0 '' run plan.yaml; expect 0 '' inspect c.safetensors; grep -q much out || fail "not renamed in place"
for shard in none 1MB; do
  rm -rf dir; mkdir dir; cp a.safetensors dir/model.safetensors; printf 'keep' >dir/notes.txt; mkdir dir/sub; printf 'keep' >dir/sub/x
  plan 'inputs: [dir]' 'transforms: [{copy: {from: w, to: v}}]' "output: {path: dir, shard: $shard}"
  keep; expect 0 '' run plan.yaml
  [ "$(cat dir/notes.txt dir/sub/x)" = keepkeep ] || fail "foreign files are gone (shard $shard)"
  [ $shard = none ] || [ ! -e dir/model.safetensors ] || fail "the old model.safetensors is still there"
  expect 0 '' inspect dir; grep -q '\bv\b' out || fail "no copy in $shard"
  find dir -name '.*' | grep -q . && fail "litter in dir"
done

# A kept file is an input too: exchanging the directory links it anew, which is no change.
rm -rf dir; mkdir dir; cp a.safetensors dir/model.safetensors
plan 'inputs: [a.safetensors]' 'transforms: [{save: {path: dir/v.npy, target: w}}]'; expect 0 '' run plan.yaml
plan 'inputs: ["a::a.safetensors", "e::dir/v.npy"]' 'transforms: [{save: {path: dir, alias: a}}]' 'output: {path: b.safetensors, model: e}'
expect 0 '' run plan.yaml

# What stands in the place of a journal and none of this version stops readers and writers, and is never carried out.
# Publications that are really killed: faults.py.
rm -rf dir; mkdir -p dir/.brainsurgery-1a2b3c4d
cp a.safetensors dir/.brainsurgery-1a2b3c4d/model.safetensors
printf 'brainsurgery journal 1\nmode in-place\nstaging .brainsurgery-1a2b3c4d\nremove model-00001-of-00001.safetensors\ninstall model.safetensors\nend\n' >dir/.brainsurgery-journal
plan 'inputs: [dir]' 'transforms: [{scale_: {target: w, by: 2}}]' 'output: {path: dir, shard: none}'
expect 3 'was interrupted' check plan.yaml; one_error
expect 3 'was interrupted' inspect dir; one_error
expect 3 'was interrupted' inspect 'dir/*.safetensors'; one_error
keep; expect 3 'of another version' run plan.yaml; one_error
expect 3 'of another version' repair dir; one_error; no_litter
rm dir/.brainsurgery-journal; mkfifo dir/.brainsurgery-journal
expect 3 'was interrupted' inspect dir; one_error
rm -r dir

# Killed before the exchange: the old folder is whole, and the journal in it says nothing.
mkdir dir; cp a.safetensors dir/model.safetensors
printf 'brainsurgery journal 2\nmode exchange\nfolder 1\nend\n' >dir/.brainsurgery-journal
expect 0 '' inspect dir
expect 0 '' repair dir; grep -q "took the interrupted publication into 'dir' back" out || fail "repair does not say what it did"
[ "$(ls -A dir)" = model.safetensors ] || fail "repair leaves $(ls -A dir)"
expect 0 '' repair dir; grep -q "nothing to repair in 'dir'" out || fail "repair does not say that there was nothing to do"
expect 3 'it does not exist' repair missing; one_error
expect 3 'it is not a directory' repair a.safetensors; one_error
rm -r dir

# Names of the program's own, and such that no file system takes.
keep
for name in m/.brainsurgery-deadbeef/ .brainsurgery-journal m/.x.brainsurgery-1234abcd.dir/a.safetensors; do
  expect 2 'are kept for unfinished publications' convert a.safetensors "$name"; one_error
done
long=$(printf '%0300d' 0)
expect 2 'file systems take names of 255' convert a.safetensors "$long.safetensors"; one_error
expect 3 'does not exist' convert "$long.safetensors" b.safetensors; one_error
plan 'inputs: ["a\0b.safetensors"]' 'output: c.safetensors'
expect 2 'plan.yaml:1:10: error: inputs[0]: a path cannot contain a NUL character' run plan.yaml; one_error
no_litter

# A working directory that is gone.
mkdir gone
for command in 'convert a.safetensors b.npz' 'inspect a.safetensors' 'repair a' 'run plan.yaml' 'check plan.yaml'; do
  mkdir -p gone; (cd gone && rmdir "$work/gone" && "$program" $command >"$work/out" 2>"$work/err"); code=$?
  [ $code -eq 3 ] || [ $code -eq 2 ] || fail "exit code $code in a directory that was deleted: $command"
  grep -q 'the working directory was deleted' err || fail "the reason is not said: $command"
  one_error
done

# A file system that is full, or read-only.
if mkdir mount && mount -t tmpfs -o size=256k none mount 2>/dev/null; then
  to mount/b.safetensors; expect 3 'mount' run plan.yaml; one_error
  [ -n "$(ls -A mount)" ] && fail "litter on the full file system: $(ls -A mount)"
  mount -o remount,ro mount 2>/dev/null && { expect 3 'mount' run plan.yaml; one_error; }
  umount mount
else
  skip "no tmpfs can be mounted"
fi
finish
