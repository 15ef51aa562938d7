#!/bin/sh
# The program with steps of its own, as people meet it. Usage: check.sh PROGRAM FOLDER
set -eu
program=$1
rm -rf "$2"
mkdir -p "$2"
cd "$2"

fail() {  # fail HOLDS [OUTPUT]
  printf 'FAILED: %s\n%s\n' "$1" "${2-}" >&2
  exit 1
}
shows() {  # shows HOLDS TEXT OUTPUT
  case $3 in
    *"$2"*) ;;
    *) fail "$1" "$3" ;;
  esac
}

cat > plan.yaml <<'PLAN'
transforms:
  - zeroes: {target: a, shape: [4]}
  - fill_: {target: a, mode: tensor, values: [-6, -2, 2, 6]}
  - squash_: {target: a, limit: 2}
  - compute: {match: a, as: 'span(squash(x, limit=3)) + 0 * x', to: b}
  - assert: {spans_at_most: {of: a, is: 3}}
  - dump: {verbosity: full, format: json}
output: out.safetensors
PLAN
"$program" check plan.yaml > /dev/null || fail "check knows the step, the operator and the functions"
got=$("$program" run --no-summarize plan.yaml 2>&1) || fail "the plan runs" "$got"
shows "the step computes" '"values":[-1.5,-1.0,1.0,1.5]' "$got"
shows "formulas call the operation and the reducer" '"values":[2.0,2.0,2.0,2.0]' "$got"
[ -f out.safetensors ] || fail "the output is written"

sed -i 's/is: 3}/is: 2.5}/' plan.yaml
got=$("$program" run --no-summarize plan.yaml 2>&1) && fail "the assertion fails" "$got"
shows "the failure has its place" 'plan.yaml:6:5: error: assertion failed: model::a spans 3.0' "$got"

cat > mistakes.yaml <<'PLAN'
transforms:
  - zeroes: {target: a, shape: [4]}
  - squash_: {target: a, limit: -1}
  - squash_: {target: a, limits: 2}
  - compute: {match: a, as: 'x + squish(x)'}
  - compute: {match: a, as: 'x + squash(x, limit=0)'}
PLAN
got=$("$program" check mistakes.yaml 2>&1) && fail "mistakes are found" "$got"
shows "a value" 'mistakes.yaml:3:33: error: squash_.limit: must be positive' "$got"
shows "a key" "mistakes.yaml:4:26: error: unknown key 'limits' of squash_" "$got"
shows "a function" "mistakes.yaml:5:34: error: compute.as: unknown function 'squish'" "$got"
shows "its name is suggested" "did you mean 'squash'" "$got"

shows "help of the step" 'Brings values below a limit' "$("$program" help squash_)"
shows "the list of steps" 'squash_' "$("$program" help)"
shows "help of the operator" 'lie close together' "$("$program" help assert spans_at_most)"
shows "the step in the JSON Schema" '"squash_"' "$("$program" schema)"
shows "the operator in the JSON Schema" '"spans_at_most"' "$("$program" schema)"
shows "completion of the step" 'squash_' "$("$program" complete -- help squ)"
shows "completion of the operator" 'spans_at_most' "$("$program" complete -- help assert spa)"
