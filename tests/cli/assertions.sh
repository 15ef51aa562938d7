# Assertions that wait for data: what is sure to fail is found before anything is written.
. "$(dirname "$0")/lib.sh"
make w.safetensors 4
make s.safetensors 1
make t.safetensors 1
printf '\1' | dd of=t.safetensors bs=1 seek=1000000 conv=notrunc 2>dd.err || fail "dd"
printf 'the old one' >target.safetensors
: >plan.yaml

cat >steps.yaml <<'END'
inputs: ['a::w.safetensors', 'b::s.safetensors', 'c::t.safetensors']
transforms:
  - scale_: {target: 'a::w', by: 2}
  - copy: {from: 'b::w', to: 'a::s'}
  - assert: {iszero: 'a::w'}
END
attempt() {  # attempt CODE 'words' LINE...: the steps and these
  code=$1 words=$2
  shift 2
  { cat steps.yaml; printf '  - %s\n' "$@"; echo 'output: target.safetensors'; } >plan.yaml
  expect "$code" "$words" run plan.yaml --no-sync
}
unwritten() {
  if grep -q '^writing' err; then fail "$1 is found when everything is written"; fi
  [ "$(cat target.safetensors)" = 'the old one' ] || fail "the old file is lost"
}
keep

attempt 1 'assertion failed' "assert: {equal: {left: 'a::s', right: 'c::w'}}"
unwritten "an assertion on what is copied"
attempt 1 'assertion failed' "assert: {all: [{iszero: 'a::w'}, {equal: {left: 'b::w', right: 'c::w'}}]}"
unwritten "a part that no program answers"
attempt 1 'differ' "diff: {mode: pair, left: 'b::w', right: 'c::w', fail: true}" 'prefixes'
unwritten "a diff"
grep -q 'Available' out && fail "a step behind what failed was done"
attempt 1 'assertion failed' "diff: {mode: pair, left: 'b::w', right: 'c::w'}" "assert: {iszero: 'c::w'}"
unwritten "an assertion behind a diff"
grep -q 'values differ' out || fail "a step before what failed was not done"
attempt 0 'writing' "assert: {not: {equal: {left: 'a::s', right: 'c::w'}}}" "diff: {mode: pair, left: 'a::w', right: 'a::w'}"
no_litter
finish
