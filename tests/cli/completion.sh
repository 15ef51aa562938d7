# Completion as shells do it: what the program answers, and the scripts in the shells that are there.
. "$(dirname "$0")/lib.sh"
make a.safetensors 1
mkdir plans folder
plan 'inputs: [a.safetensors]' 'transforms: [{cast_: {target: w, to: float32}}, {copy: {from: w, to: v}}]' 'output: b.safetensors'
cp plan.yaml plans/other.yml
touch folder/x.txt

# candidates 'expected, blanks between' WORDS...
candidates() {
  wanted=$1
  shift
  "$program" complete -- "$@" >out 2>err || fail "complete fails: $*"
  [ -s err ] && fail "complete says something: $*"
  found=$(tr '\n' ' ' <out)
  [ "$found" = "${wanted:+$wanted }" ] || fail "offered '$found' instead of '$wanted': $*"
}
candidates 'check' che
candidates 'check' --no-color --threads 2 che
candidates '--memory' --no-color check --mem
candidates 'a.safetensors' --json inspect a.
candidates 'completion' comp
candidates 'bash fish zsh' completion ''
candidates 'plan.yaml plans/' plan
candidates 'plan.yaml plans/' run plan
candidates 'plan.yaml plans/' run --quiet --threads 3 plan
candidates 'plans/other.yml' check plans/
candidates '--dry-run' run --dr
candidates '--dry-run' plan.yaml --dr
candidates '' check plan.yaml --dr
candidates 'arena inmemory' run --provider ''
candidates '--provider=arena' run --provider=a
candidates 'critical' run plan.yaml --log-level cri
candidates 'a.safetensors' inspect a.
candidates 'folder/' run --arena-root fo
candidates 'folder/x.txt' inspect folder/
candidates 'output.path=' run plan.yaml output.p
candidates 'transforms[1].copy.each= transforms[1].copy.except= transforms[1].copy.from= transforms[1].copy.optional= transforms[1].copy.to= transforms[1].copy.when= transforms[1].copy.where=' plan.yaml 'transforms[1]'
candidates 'transforms[1].copy.from=w' check plan.yaml 'transforms[1].copy.from='
candidates 'scale scale_' help sca
candidates 'iszero' help assert is
candidates '' help copy ''
candidates 'folder/ plan.yaml plans/' nonsense ''
candidates '' inspect nowhere/
mv a.safetensors away; candidates '' check plan.yaml 'transforms[1].copy.from='; mv away a.safetensors
candidates '' run missing.yaml 'transforms[0]'
for shell in bash zsh fish; do expect 0 '' completion $shell; [ -s out ] || fail "no script for $shell"; done
expect 2 'bash' completion tcsh; one_error

mkdir bin; ln -s "$program" bin/brainsurgery; PATH=$work/bin:$PATH; export PATH

# bash_completes 'expected' 'line'...  as bash -i would fill it in, by the function that the script defines
bash_completes() {
  bash --norc -c '
    source <(brainsurgery completion bash)
    wanted=$1 COMP_LINE=$2 COMP_POINT=${#2}
    # Pieces as readline makes them: at blanks, = and :.
    COMP_WORDS=() current=
    for ((i = 0; i < COMP_POINT; i++)); do
      c=${COMP_LINE:i:1}
      case $c in
        " ") [[ -n $current ]] && COMP_WORDS+=("$current"); current= ;;
        = | :) [[ -n $current ]] && COMP_WORDS+=("$current"); COMP_WORDS+=("$c"); current= ;;
        *) current+=$c ;;
      esac
    done
    [[ -n $current || $COMP_LINE == *" " ]] && COMP_WORDS+=("$current")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    compopt() { :; }
    _brainsurgery "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    [[ "${COMPREPLY[*]}" == "$wanted" ]] || { echo "bash offers [${COMPREPLY[*]}] instead of [$wanted]: $COMP_LINE"; exit 1; }
  ' bash "$1" "$2" >out 2>err || fail "bash: $2"
}
if command -v bash >/dev/null; then
  bash_completes 'check' 'brainsurgery che'
  bash_completes 'plan.yaml plans/' 'brainsurgery run pl'
  bash_completes 'arena inmemory' 'brainsurgery run --provider '
  bash_completes 'arena' 'brainsurgery run --provider=a'
  bash_completes 'output.path=' 'brainsurgery check plan.yaml output.p'
  bash_completes 'w' 'brainsurgery check plan.yaml transforms[1].copy.from='
  bash_completes 'w' 'brainsurgery check plan.yaml transforms[1].copy.from=w'
else
  skip "bash completion: no bash"
fi
if command -v zsh >/dev/null; then
  brainsurgery completion zsh >_brainsurgery
  zsh -n _brainsurgery 2>err || fail "zsh cannot read its script"
  # The function with zsh's own splitting; compadd prints what it is given.
  zsh -f -c 'compdef() { :; }; compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -rl -- "$@"; }
    source ./_brainsurgery; words=(brainsurgery check plan.yaml "transforms[1].copy.fr"); CURRENT=4; PREFIX=$words[4]
    _brainsurgery' >out 2>err || fail "zsh: the function fails"
  [ "$(cat out)" = 'transforms[1].copy.from=' ] || fail "zsh offers something else"
else
  skip "zsh completion: no zsh"
fi
if command -v fish >/dev/null; then
  HOME=$work fish -c 'brainsurgery completion fish | source; complete -C "brainsurgery check plan.yaml transforms[1].copy.from="' >out 2>err || fail "fish fails"
  grep -q -x 'transforms\[1\].copy.from=w' out || fail "fish offers something else"
else
  skip "fish completion: no fish"
fi
finish
