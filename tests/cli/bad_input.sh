# Inputs that are damaged, incomplete or not what they seem. One message, exit code 3, nothing written.
. "$(dirname "$0")/lib.sh"
make a.safetensors 1
plan 'inputs: [in.safetensors]' 'transforms: [{scale_: {target: w, by: 2}}]' 'output: b.safetensors'

refused() {
  rm -f b.safetensors
  keep
  expect 3 "$1" run "${2:-plan.yaml}"
  one_error
  no_litter
  [ -e b.safetensors ] && fail "something was written"
}

refused "in.safetensors' does not exist"
plan 'inputs: [in.safetensors]' 'transforms: [{save: {path: b.safetensors, target: w}}]'
mv plan.yaml save.yaml; plan 'inputs: [in.safetensors]' 'transforms: [{scale_: {target: w, by: 2}}]' 'output: b.safetensors'
refused "in.safetensors' does not exist" save.yaml
head -c 100000 a.safetensors >in.safetensors; refused "in.safetensors"
head -c 4 a.safetensors >in.safetensors; refused "in.safetensors"
: >in.safetensors; refused "in.safetensors"
printf '\377\377\377\377\377\377\377\177{}' >in.safetensors; refused "in.safetensors"
printf 'hello, I am a text and certainly no checkpoint' >in.safetensors; refused "in.safetensors"
{ cat a.safetensors; printf 'more'; } >in.safetensors; refused "in.safetensors"
rm in.safetensors; mkfifo in.safetensors; refused "in.safetensors"
rm in.safetensors; mkdir in.safetensors; refused "in.safetensors"
printf x >in.safetensors/readme.txt; refused "in.safetensors"
printf '{"metadata": {}, "weight_map": {"w": "model-00001-of-00001.safetensors"}}' >in.safetensors/model.safetensors.index.json
refused 'model-00001-of-00001.safetensors'
printf '{"weight_map": {"w": "../../a.safetensors"}}' >in.safetensors/model.safetensors.index.json
refused '../../a.safetensors'
# What is named is a pipe, which nobody may wait for, a device, or a folder.
printf '{"weight_map": {"w": "x.safetensors"}}' >in.safetensors/model.safetensors.index.json
mkfifo in.safetensors/x.safetensors; refused 'x.safetensors'
rm in.safetensors/x.safetensors; ln -s /dev/zero in.safetensors/x.safetensors; refused 'x.safetensors'
rm in.safetensors/x.safetensors; mkdir in.safetensors/x.safetensors; refused 'x.safetensors'
rm -r in.safetensors; cp -r "$(dirname "$0")/../corpus/dcp/001_plain" in.safetensors
rm in.safetensors/__0_0.distcp; mkfifo in.safetensors/__0_0.distcp; refused '__0_0.distcp'
rm in.safetensors/.metadata; mkfifo in.safetensors/.metadata; refused '.metadata'

# An address space too small for what is asked: a message, no crash.
rm -r in.safetensors; cp a.safetensors in.safetensors
# A sanitizer reserves more than any of these limits for itself.
case $(ldd "$program") in *libasan* | *libtsan*) skip "address space limits: sanitized"; finish; exit ;; esac
# With less than the least the C++ runtime cannot start, which nothing of the program could report.
least=16000
until (ulimit -v $least 2>/dev/null || exit 0; "$program" --version >/dev/null 2>&1); do least=$((least + 500)); done
for limit in $least $((least + 1000)) $((least + 5000)) $((least + 10000)) 60000 120000; do
  (ulimit -v $limit 2>/dev/null || exit 0
   "$program" run plan.yaml --no-sync >out 2>err; code=$?
   case $code in 0 | 3) ;; 127) [ -s err ] ;; *) exit 1 ;; esac) || fail "exit code with ulimit -v $limit"
done
finish
