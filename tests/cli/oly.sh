# Steps on one line: printed as YAML, taken by run, and made from plans.
. "$(dirname "$0")/lib.sh"
make a.safetensors 1

# same FILE: what the program printed.
same() { diff "$1" out >/dev/null || fail "prints something else than: $(cat "$1")"; }

expect 0 '' oly 'copy: from: h.(0|1).w, to: [a, $i]' exit "assert: count: {of: .*, is: 3}, n: 'n'"
cat >wanted <<'END'
- copy:
    from: h.(0|1).w
    to:
    - a
    - $i
- exit: {}
- assert:
    count:
      of: .*
      is: 3
    'n': 'n'
END
same wanted
printf 'exit\r\n\n  copy: from: a\n' >lines
printf -- '- exit: {}\n- copy:\n    from: a\n' >wanted
stdin=lines expect 0 '' oly
same wanted
expect 0 '' oly; [ -s out ] && fail "prints steps that are not there"
expect 2 "argument 2:1:7: error: '(' is not closed at position 6" oly exit 'x: v: (b, c: 1'; one_error
printf 'exit\nx: y\n' >lines
stdin=lines expect 2 "<stdin>:2:5: error: expected ':' after 'y' at position 4" oly; one_error
stdin=

# There and back.
plan 'x-by: 2' 'inputs: [a.safetensors]' 'transforms:' "- scale_: {target: 'w', by: '\${x-by}'}" "- assert: {shape: {of: w, is: [262144]}}" '- exit:'
printf '%s\n' 'scale_: target: w, by: 2' 'assert: shape: {of: w, is: [262144]}' 'exit' >wanted
expect 0 '' oly --reverse plan.yaml
same wanted
cp out lines
stdin=lines expect 0 '' oly
stdin=
{ echo transforms:; cat out; } >again.yaml
expect 0 '' oly --reverse again.yaml
same wanted
expect 0 '' oly --reverse plan.yaml transforms[0].scale_.by=3; grep -q 'by: .3.$' out || fail "no values for plans"
expect 2 'no spelling' oly --reverse 'transforms=[{help: copy}]'; one_error
expect 2 'nowhere.yaml' oly --reverse nowhere.yaml; one_error
expect 2 'plan' oly --reverse; one_error

# Steps for run: with a plan they follow its own, without they are the plan.
plan 'inputs: [a.safetensors]' 'transforms: {copy: {from: w, to: v}}' 'output: b.safetensors'
expect 0 '' run plan.yaml --oly 'copy: from: v, to: u' --oly='delete: target: w' --no-sync
expect 0 '' inspect b.safetensors
[ "$(awk '/^F32/ { printf "%s ", $NF }' out)" = 'u v ' ] || fail "not the tensors u and v"
expect 0 '' run --oly 'zeroes: target: z, shape: [2]' 'inputs=[a.safetensors]' output=c.safetensors --no-sync
expect 0 '' --oly 'copy: from: w, to: q' 'inputs=[a.safetensors]' output=d.safetensors --no-sync
expect 0 '' inspect d.safetensors; grep -q 'q$' out || fail "no q"
expect 2 "argument 3:1:7: error: copy.to is required" check plan.yaml --oly 'copy: from: v'; one_error
expect 2 'argument 3:1:9: error: expected' check plan.yaml --oly 'copy: a b'; one_error
expect 2 'plan' run; one_error
expect 2 'at position 0' run --oly ''; one_error
finish
