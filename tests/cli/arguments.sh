# Words and options, and where output goes.
. "$(dirname "$0")/lib.sh"
make a.safetensors 1
plan 'inputs: [a.safetensors]' 'transforms: [{scale_: {target: w, by: 2}}]' 'output: b.safetensors'

expect 0 'nothing to do'
expect 0 ''  --version; grep -q '^brainsurgery [0-9]' out || fail "no version"
expect 0 ''  --help; grep -q 'explain' out || fail "no commands in the help"
expect 2 "unknown option '--nonsense' of run" run plan.yaml --nonsense; one_error
expect 2 'brainsurgery run --help' run; one_error
expect 2 "did you mean 'check'?" chekc plan.yaml; one_error
expect 2 'nowhere.yaml' run nowhere.yaml; one_error

# What people type who know other programs.
for words in 'run plan.yaml --treads 2' 'run plan.yaml -threads 2' '--treads 2 run plan.yaml' 'plan.yaml --treads=2'; do
  # shellcheck disable=SC2086
  expect 2 "did you mean '--threads'?" $words; one_error
done
expect 2 'neither a plan file' run plan.yaml ---; one_error
expect 2 'it is an option of run' check plan.yaml --summary-mode raw; one_error
for words in 'run a.safetensors' a.safetensors 'check plan.yaml a.safetensors' 'explain .'; do
  # shellcheck disable=SC2086
  expect 2 'is a checkpoint, not a plan' $words; one_error
done
expect 2 "brainsurgery help rename describes it" rename a.safetensors b.safetensors; one_error
expect 2 "did you mean 'inspect'?" ls a.safetensors; one_error
expect 2 "did you mean 'rename'?" help rename_keys; one_error
expect 0 '' --no-color check plan.yaml; grep -q 'plan OK' out || fail "an option before the command"
expect 0 '' --threads 2 --memory=1GB check plan.yaml; grep -q 'plan OK' out || fail "values before the command"
expect 0 '' --json inspect a.safetensors; grep -q '"format": "safetensors"' out || fail "--json before the command"
expect 2 'unknown command' --no-color chekc plan.yaml; one_error
expect 3 'nowhere' inspect nowhere; one_error
expect 2 'size' run plan.yaml --memory lots; one_error

# What came as an argument: a size is blamed on its option, and the summary is a plan.
printf '%s\n' 'inputs: [a.safetensors]' 'transforms: [{reshape: {from: w, to: x, shape: [1]}}]' 'output: folder' >shape.yaml
expect 2 "error: --shard-size: '5' is not a size" check shape.yaml 'transforms[0].reshape.shape=[2,-1]' --shard-size 5; one_error
expect 0 '' run shape.yaml 'transforms[0].reshape.shape=[2,-1]'
cp out again.yaml
expect 0 '' check again.yaml inputs='[a.safetensors]' output=again.safetensors; grep -q 'plan OK' out || fail "a summary that cannot be run"
rm -r folder

for words in 'run plan.yaml' 'plan.yaml' 'cli plan.yaml' '--quiet plan.yaml' 'run --no-sync plan.yaml --threads 1'; do
  rm -f b.safetensors
  # shellcheck disable=SC2086
  expect 0 '' $words --no-summarize
  [ -s b.safetensors ] || fail "nothing written by: $words"
  [ -s out ] && fail "something on stdout: $words"
done
expect 0 '' run plan.yaml --quiet; [ -s err ] || [ -s out ] && fail "--quiet says something"
expect 0 '' run plan.yaml --quiet -s; grep -q scale_ out || fail "no summary that was asked for"
expect 0 '' run plan.yaml --quiet --summarize-path summary; grep -q scale_ summary || fail "no summary in its file"
expect 0 'published' run plan.yaml
grep -q "$(printf '\033')" err && fail "escapes in a pipe"
rm -f b.safetensors
stdin=plan.yaml expect 0 'published' run -
stdin=
printf 'transforms: [nothing]' >bad.yaml
stdin=bad.yaml expect 2 '<stdin>:1:14: error' run -
stdin=
expect 0 '' check plan.yaml
rm -f b.safetensors; expect 0 '' check plan.yaml; [ -e b.safetensors ] && fail "check wrote"
expect 0 '' explain plan.yaml; grep -q 'output b.safetensors' out || fail "explain says no output"
expect 0 '' --help; grep -q 'brainsurgery help STEP' out || fail "--help does not say where the steps are described"
expect 0 '' help; grep -q 'Available commands:' out || fail "help lists no commands"
expect 0 '' help copy; grep -q 'Required keys:' out || fail "help describes no keys"
expect 0 '' help assert equal; grep -q 'eps' out || fail "help describes no operator"
expect 2 "did you mean 'copy'?" help copyy; one_error
expect 2 'has no parts' help copy from; one_error
expect 0 '' schema; grep -q 'json-schema.org' out || fail "no schema"
expect 0 '' schema --markdown pages; [ -s pages/transforms/copy.md ] || fail "no pages"; rm -r pages
expect 0 '' inspect a.safetensors; grep -q 'F32' out || fail "inspect lists nothing"

if command -v python3 >/dev/null; then
  for words in 'run plan.yaml' 'check plan.yaml' 'inspect a.safetensors' 'run bad.yaml'; do
    # shellcheck disable=SC2086
    "$program" $words --json >out 2>err
    python3 -c 'import json, sys
for line in open("out"): json.loads(line)
sys.exit(0 if open("out").read().endswith("\n") else 1)' || fail "no JSON lines: $words"
    case $words in *bad*) ;; *) [ -s err ] && fail "something on stderr with --json: $words" ;; esac
  done
else
  skip "JSON: no python3"
fi

# Filters, trees and totals; numbers in the order of their values.
stdin=
plan 'transforms: [{zeroes: {target: h.10.w, shape: [2]}}, {zeroes: {target: h.2.w, shape: [2, 3]}}, {zeroes: {target: h.1.w, shape: [2, 3]}}, {zeroes: {target: s, shape: [1]}}]' 'output: n.safetensors'
expect 0 '' run plan.yaml
expect 0 '' inspect n.safetensors
[ "$(awk '$NF ~ /^h/ {printf "%s ", $NF}' out)" = 'h.1.w h.2.w h.10.w ' ] || fail "not in the order of numbers"
grep -q '^4 tensors, 15 parameters, 60 B in 1 file (safetensors)$' out || fail "no total"
expect 0 '' inspect n.safetensors 'h\.\d\.w'; grep -q '^2 of 4 tensors, 12 parameters' out || fail "no filter"
expect 0 '' inspect n.safetensors --match '[h, $i, w]' --json; [ "$(grep -o '"name"' out | wc -l)" -eq 3 ] || fail "no filter of JSON"
expect 0 '' inspect n.safetensors --tree; grep -q '\[1-2\]' out || fail "equal layers are not folded"
expect 2 "the glob '*.w' is written '.*\\.w'" inspect n.safetensors '*.w'; one_error
expect 2 'no alias' inspect n.safetensors 'a::b'; one_error

# A pattern that matches nothing is a mistake, as in plans.
expect 2 "no tensor matches 'h\.3\.w' in 'n.safetensors'" inspect n.safetensors 'h\.3\.w'; one_error
grep -q "did you mean 'h.1.w'?" err || fail 'no near name'
expect 2 "no tensor matches 'h' in 'n.safetensors'" inspect n.safetensors h --json; [ -s out ] && fail 'half an answer'
expect 2 '--tree excludes --json' inspect n.safetensors --tree --json

# A reader that has seen enough is no failure.
for words in schema help 'inspect n.safetensors' 'check plan.yaml'; do
  # shellcheck disable=SC2086
  { "$program" $words 2>err; echo $? >code; } | true
  [ "$(cat code)" -eq 0 ] || fail "exit code $(cat code) in a closed pipe: $words"
  [ -s err ] && fail "says something in a closed pipe: $words"
done
rm -f code

if [ -c /dev/full ]; then
  "$program" inspect a.safetensors >/dev/full 2>err; code=$?
  [ $code -eq 3 ] || fail "inspect to a full device: exit code $code"
  "$program" inspect a.safetensors >&- 2>err; code=$?
  [ $code -eq 3 ] || fail "inspect with stdout closed: exit code $code"
fi

# libtorch is loaded by no command that does not need it.
if command -v ldd >/dev/null; then
  ldd "$program" | grep -q -i 'libtorch\|libc10' && fail "linked with libtorch"
fi
LD_DEBUG=libs "$program" run plan.yaml >out 2>err
grep -q -i 'torch\|libc10' err && fail "a scaling loads libtorch"
# An option of the Python program, checked and without effect.
for wrong in 0GB 12 -1MB x; do expect 2 'is not a size' check --oly 'help: {}' --arena-segment-size=$wrong; done
expect 0 '' check --oly 'help: {}' --arena-segment-size 2GB

# A plan says what it is for.
plan '# Scales a tensor.' '#   brainsurgery run plan.yaml -p by=2' 'params: {by: {type: number, doc: the factor}, t: w}' 'transforms: []'
expect 0 '' help plan.yaml
printf '%s\n' 'Scales a tensor.' '  brainsurgery run plan.yaml -p by=2' '' 'Parameters (-p NAME=VALUE):' \
  '  by  number, required  the factor' '  t   default: w' | cmp -s - out || fail 'the help of a plan'
expect 3 'nowhere.yaml' help nowhere.yaml; one_error

# Parameters, and the resolved plan that still has their expressions.
plan 'params: {n: {default: 2, type: integer}, name: w}' 'inputs: [a.safetensors]' \
  "transforms: [{copy: {from: '\$x', to: '\${x}.\${n + len(name)}', where: x == name}}]" 'output: b.safetensors'
expect 0 '' run plan.yaml; "$program" inspect b.safetensors | grep -q ' w\.3$' || fail 'the default of a parameter'
expect 0 '' run plan.yaml -p n=7; "$program" inspect b.safetensors | grep -q ' w\.8$' || fail 'a parameter from outside'
expect 2 "expected a value of type integer, found the string 'x'" run plan.yaml -p n=x; one_error
expect 0 '' run plan.yaml -p 'n=${2 ** 3}'; "$program" inspect b.safetensors | grep -q ' w\.9$' || fail 'an expression from outside'
expect 2 "did you mean 'name'?" run plan.yaml -p nam=x; one_error
expect 2 "leave none of the tensors that match" run plan.yaml --param name=nothing; one_error
"$program" run plan.yaml -p n=4 --summary-mode resolve >again.yaml 2>err; rm -f b.safetensors
expect 0 '' run again.yaml; "$program" inspect b.safetensors | grep -q ' w\.5$' || fail 'the resolved plan has no parameters'
finish
