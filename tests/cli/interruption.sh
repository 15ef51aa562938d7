# Ctrl-C, signals that end programs, and kill -9 in the middle of a long run, and the run after it.
. "$(dirname "$0")/lib.sh"
# A shell starts what runs in the background with SIGINT and SIGQUIT ignored, and what was ignored stays so.
env --default-signal=INT true 2>/dev/null || { skip "env cannot reset signals"; exit 0; }
make big.safetensors 20480
printf 'the old one' >target.safetensors
plan 'inputs: [big.safetensors]' 'transforms: [{scale_: {target: w, by: 2}}]' 'output: target.safetensors'
[ "$(df -Pk . | awk 'NR == 2 {print $4}')" -gt 22000000 ] || { skip "no room for 20 GiB"; exit 0; }
keep

for signal in INT TERM QUIT ALRM USR1 XCPU RTMIN; do
  env --default-signal=INT,QUIT "$program" run plan.yaml --no-sync >out 2>err &
  pid=$!
  sleep 1
  kill -$signal $pid
  wait $pid; code=$?
  [ $code -eq 3 ] || fail "exit code $code after SIG$signal"
  grep -q 'interrupted' err || fail "SIG$signal is not mentioned"
  one_error
  [ "$(cat target.safetensors)" = 'the old one' ] || fail "the old file is lost after SIG$signal"
  no_litter
done

# What waits for the output is not blamed, and nothing more is printed.
plan 'inputs: [big.safetensors]' 'transforms:' '  - scale_: {target: w, by: 2}' \
  '  - diff: {mode: pair, left: w, right: w, eps: 0}' '  - prefixes' 'output: target.safetensors'
env --default-signal=INT,QUIT "$program" run plan.yaml --no-sync >out 2>err &
pid=$!
sleep 1
kill -INT $pid
wait $pid; code=$?
[ $code -eq 3 ] || fail "exit code $code after SIGINT with a diff behind"
one_error
grep -q '^error: interrupted' err || fail "the interruption is blamed on a step"
grep -q 'the existing file was left untouched' err || fail "nothing is said of the old file"
[ -s out ] && fail "steps went on after SIGINT"
plan 'inputs: [big.safetensors]' 'transforms: [{scale_: {target: w, by: 2}}]' 'output: target.safetensors'

env --default-signal=INT "$program" inspect --digest big.safetensors >out 2>err &
pid=$!
sleep 1
kill -INT $pid
wait $pid; code=$?
[ $code -eq 3 ] || fail "exit code $code after SIGINT in the midst of a digest"
grep -q 'interrupted' err || fail "SIGINT in the midst of a digest is not mentioned"

"$program" run plan.yaml --no-sync >out 2>err &
pid=$!
sleep 1
kill -KILL $pid
wait $pid 2>/dev/null
[ "$(cat target.safetensors)" = 'the old one' ] || fail "the old file is lost after SIGKILL"
make big.safetensors 1
expect 0 'published' run plan.yaml --no-sync
no_litter
finish
