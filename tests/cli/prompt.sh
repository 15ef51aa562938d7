# Steps from a pipe and from a terminal behind those of a plan.
. "$(dirname "$0")/lib.sh"
tests=$(cd "$(dirname "$0")" && pwd)
plan 'transforms: [{zeroes: {target: z, shape: [2]}}]' 'output: out.safetensors'

# A pipe sees no prompts; errors do not end it; output comes at the end.
printf 'copy: from: z, to: c\nzap: a: 1\n- copy:\n    from: c\n    to: d\n\n- delete:\n    target: z\n' >in
stdin=in expect 0 "unknown command 'zap'" run -i --no-sync plan.yaml
one_error
if grep -q 'brainsurgery>' out err; then fail "a prompt in a pipe"; fi
if grep -q 'delete' out; then fail "unfinished text was done"; fi
grep -q 'the input ends within a step' err || fail "unfinished text is discarded in silence"
grep -a -q '"d"' out.safetensors || fail "the last step is not written"

# A plan of its own cannot come from there too.
printf 'exit\n' >in
stdin=in expect 2 'standard input cannot be the plan and the prompt too' run -i -

# exit in the plan: no prompt, nothing is read.
plan 'transforms: [{zeroes: {target: z, shape: [2]}}, exit]' 'output: out.safetensors'
printf 'zap: a: 1\n' >in
stdin=in expect 0 'published' run -i --no-sync plan.yaml

# Ctrl-C while a step is performed: it is dropped, the prompt goes on.
if env --default-signal=INT true 2>/dev/null; then
  make big.safetensors 20480
  plan 'inputs: [big.safetensors]'
  mkfifo commands
  env --default-signal=INT "$program" run -i plan.yaml <commands >out 2>err &
  pid=$!
  exec 3>commands
  printf 'assert: equal: {left: w, right: w}\n' >&3
  sleep 1
  kill -INT $pid
  tries=0
  until grep -q interrupted err || [ $tries -ge 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  grep -q 'interrupted by Ctrl-C' err || fail "the step was not interrupted"
  printf 'prefixes\n' >&3
  exec 3>&-
  wait $pid; code=$?
  [ $code -eq 0 ] || fail "exit code $code"
  grep -q 'model::' out || fail "the prompt did not go on"
else
  skip "env cannot reset signals"
fi

rm -f out.safetensors
plan 'transforms: [{zeroes: {target: z, shape: [2]}}]' 'output: out.safetensors'
if command -v python3 >/dev/null; then
  python3 "$tests/prompt_terminal.py" "$program" >out 2>err || fail "on a terminal"
  python3 "$tests/progress_terminal.py" "$program" >out 2>err || fail "progress on a terminal"
else
  skip "a terminal: no python3"
fi
finish
