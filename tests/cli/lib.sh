# Sourced by the tests of the program: sh THIS.sh PROGRAM.
#
#   expect CODE 'words on stderr' ARGUMENTS...    runs the program and looks at its exit code and messages; output in out, err
#   no_litter                                     nothing but what was listed by keep() is in the folder
program=$1
work=$(mktemp -d)
trap 'status=$?; cd /; umount "$work/mount" 2>/dev/null; rm -rf "$work"; exit $status' EXIT
cd "$work" || exit 1
failures=0

fail() {
  echo "FAILED: $*"
  echo "--- out"; head -c 2000 out; echo "--- err"; head -c 2000 err
  failures=$((failures + 1))
}

skip() { echo "skipped: $*"; }

expect() {
  wanted=$1 words=$2
  shift 2
  "$program" "$@" <"${stdin:-/dev/null}" >out 2>err
  code=$?
  [ "$code" -eq "$wanted" ] || fail "exit code $code instead of $wanted: $*"
  case $(cat err) in *"$words"*) ;; *) fail "'$words' is not said: $*" ;; esac
  if grep -q 'internal' err; then fail "an internal error: $*"; fi
}

# One message: a run that fails says so once.
one_error() { [ "$(grep -c 'error:' err)" -eq 1 ] || fail "not exactly one message"; }

# A plan on one line: its YAML flow mapping.
plan() { printf '%s\n' "$@" >plan.yaml; }

# make NAME MIB: a checkpoint with one float32 tensor "w" of so many MiB, sparse.
make() {
  size=$(($2 * 1048576))
  header="{\"w\":{\"dtype\":\"F32\",\"shape\":[$((size / 4))],\"data_offsets\":[0,$size]}}"
  while [ $((${#header} % 8)) -ne 0 ]; do header="$header "; done
  # shellcheck disable=SC2059
  printf "\\$(printf %o $((${#header} % 256)))\\$(printf %o $((${#header} / 256)))\\0\\0\\0\\0\\0\\0" >"$1"
  printf '%s' "$header" >>"$1"
  truncate -s $((8 + ${#header} + size)) "$1"
}

# Files in the folder that were not there when it was called with `keep`.
keep() { find . | sort >../kept.$$; }
no_litter() {
  find . ! -name out ! -name err | sort >../now.$$
  grep -v -x -e ./out -e ./err ../kept.$$ | comm -13 - ../now.$$ >../litter.$$
  if [ -s ../litter.$$ ]; then fail "left behind: $(cat ../litter.$$)"; fi
  rm -f ../now.$$ ../litter.$$
}

finish() {
  rm -f "../kept.$$"
  [ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
}
