# The plan that takes back what a plan does.
. "$(dirname "$0")/lib.sh"

cannot() {  # STEP WORDS
  printf '%s\n' 'inputs: [a.safetensors]' "transforms: [$1]" 'output: b.safetensors' >plan.yaml
  expect 2 "step 1 ($2" invert plan.yaml; one_error
  grep -q '^plan.yaml:2:' err || fail "no place: $1"
}
cannot '{scale_: {target: w, by: 2}}' 'scale_) cannot be undone: what it takes away cannot be known from what it leaves'
cannot '{delete: {target: w}}' 'delete) cannot be undone: the tensors that it removes are gone'
cannot '{move: {from: "h\\.\\d+\\.(w)", to: "\\1"}}' 'move) cannot be undone: '
cannot '{concat: {from: "h.$i.${p:q|k}", to: h.$i.qk, consume: true}}' "concat) cannot be undone: nothing says how large the tensors are"
cannot '{concat: {from: "h.$i.${p:q|k}", to: h.$i.qk, parts: 2}}' "concat) cannot be undone: without 'consume' it leaves what it reads"
cannot '{split: {from: h.$i.qk, to: "h.$i.${p:q|k}", parts: 2}}' "split) cannot be undone: without 'consume' it leaves what it reads"
cannot '{reshape_: {target: w, shape: [2]}}' 'reshape_) cannot be undone: nothing says which shape the tensors had'
cannot '{rearrange_: {target: w, pattern: "a -> a 2"}}' 'rearrange_) cannot be undone: it repeats elements'
cannot '{rearrange_: {target: w, pattern: "a b c -> (a b c)", sizes: {a: 2}}}' "rearrange_) cannot be undone: the sizes of 'b' and 'c' are not both known"
cannot '{cast_: {target: w, to: float32}}' 'cast_) cannot be undone: nothing says which dtype the tensors had'
cannot "{cast_: {target: w, to: float16, where: dtype == 'bfloat16'}}" 'cast_) cannot be undone: float16 does not hold every element of bfloat16'
cannot '{renumber: {of: h.$i}}' 'renumber) cannot be undone: nothing says which numbers were missing'
cannot '{renumber: {of: h.$i, order: [0, 0]}}' "renumber) cannot be undone: its 'order' drops or repeats numbers"
cannot "{move: {from: h.\$i, to: g.\$i, where: name == 'h.1'}}" "move) cannot be undone: its condition asks for 'name'"
cannot '{move: {from: h.$i, to: g.$i, except: h.1}}' "move) cannot be undone: 'except' has names that the step takes away"
cannot '{move: {from: h.$i, to: other::g.$i}}' "move) cannot be undone: it works on 'other' beside 'model'"
expect 2 'one input' invert recipe:merge-lora; one_error

cat >plan.yaml <<'YAML'
inputs: ['m::a.safetensors']
transforms:
  - assert: {exists: h.0.w}
  - delete: {target: mask, optional: true}
  - rename: {from: 'h.$i.${m.from}', to: 'g.$i.${m.to}', each: {m: [{from: w, to: v}, {from: u, to: t}]}, where: i >= 1, optional: true}
  - permute_: {target: 'g.$i.v', order: [2, 0, 1], except: g.9.v}
  - rearrange_: {target: 'g.$i.v', pattern: '(h two) x y -> (two h) x y', sizes: {two: 2}}
  - split: {from: g.$i.t, to: 'g.$i.${p:q|k|v}', sizes: [4, 2, 2], dim: 1, consume: true}
  - stack: {from: g.$i.q, to: q, consume: true}
  - concat: {from: ['g.$i.k', 'g.$i.v'], to: g.$i.kv, sizes: [1, 3], consume: true}
  - negate_: {target: 'q::[0]'}
  - renumber: {of: g.$i, order: [2, 0, 1]}
  - cast_: {target: '.*', to: float32, where: dtype == 'bfloat16'}
  - copy: {from: q, to: saved.q}
output: b.safetensors
YAML
expect 0 '' invert plan.yaml
cat >wanted <<'YAML'
# Takes back what plan.yaml does.
# Nothing takes back step 2 (delete), step 1 (assert): they change nothing, or what a model may lack.
params:
  out:
    type: string
    doc: the file or directory to write
inputs:
- m::b.safetensors
transforms:
- delete:
    target: saved.q
- cast_:
    target: .*
    to: bfloat16
    where: dtype == 'float32'
- renumber:
    of: g.$i
    order:
    - 1
    - 2
    - 0
- negate_:
    target: q::[0]
- split:
    from: g.$i.kv
    to:
    - g.$i.k
    - g.$i.v
    sizes:
    - 1
    - 3
    consume: true
- unstack:
    from: q
    to: g.$i.q
    consume: true
- concat:
    from: g.$i.${p:q|k|v}
    to: g.$i.t
    sizes:
    - 4
    - 2
    - 2
    dim: 1
    consume: true
- rearrange_:
    target: g.$i.v
    pattern: (two h) x y -> (h two) x y
    sizes:
      two: 2
- permute_:
    target: g.$i.v
    order:
    - 1
    - 2
    - 0
    except: g.9.v
- rename:
    from: g.$i.${m.to}
    to: h.$i.${m.from}
    each:
      m:
      - from: w
        to: v
      - from: u
        to: t
    where: i >= 1
    optional: true
output: ${out}
YAML
cmp -s out wanted || { fail "not the plan that was expected"; diff wanted out; }

# What is written by parameters stays so, and undoing twice gives the steps again.
expect 0 '' invert recipe:experts-from-packed; cp out once.yaml
grep -q "model::\${model}\|- \${model}" once.yaml || fail "the parameter of the input is gone"
expect 0 '' invert once.yaml; grep -v '^#' out >twice
expect 0 '' invert recipe:experts-from-packed; "$program" invert out >thrice.yaml 2>err && grep -v '^#' thrice.yaml | cmp -s - twice || fail "not the same steps"
# These recipes can be taken back.
for recipe in moe-to-packed moe-from-packed gpt-oss-split-experts llava-nested qwen2-vl-nested bert-gamma-beta weight-norm-parametrized \
  neox-split-qkv falcon-split-qkv vit-from-timm clip-from-openai experts-to-packed split-fused fuse llama-hf-to-meta; do
  expect 0 '' invert recipe:$recipe
done
finish
