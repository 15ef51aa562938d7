// The scripts call `PROGRAM complete -- WORDS...`, with the program as it was typed and the last word as far as the
// cursor, and take the lines that it prints. A candidate that is to be continued gets no blank behind it.
#include "brainsurgery/error.h"
#include "cli/completion.h"

namespace brainsurgery {
namespace {

// Bash cuts words at '=' and ':' (COMP_WORDBREAKS) and completes only the last piece: the pieces are put together for
// the program, and what stands before the last one is taken off its answers.
constexpr std::string_view kBash =
    R"script(# bash completion of brainsurgery; to use it: source <(brainsurgery completion bash)
_brainsurgery() {
  local rest=${COMP_LINE:0:COMP_POINT} piece
  local -a words=() candidates=()
  for piece in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    if [[ ${#words[@]} -eq 0 || $rest == [[:blank:]]* ]]; then
      words+=("")
      rest=${rest#"${rest%%[![:blank:]]*}"}
    fi
    piece=${piece:0:${#rest}}
    words[-1]+=$piece
    rest=${rest:${#piece}}
  done
  local word=${words[-1]} cut= break tail
  if [[ $word == [\'\"]* ]]; then
    words[-1]=${word:1}
  else
    tail=$word
    for break in = :; do
      [[ $COMP_WORDBREAKS == *"$break"* ]] && tail=${tail##*"$break"}
    done
    cut=${word%"$tail"}
  fi
  mapfile -t candidates < <("$1" complete -- "${words[@]:1}" 2>/dev/null)
  COMPREPLY=("${candidates[@]#"$cut"}")
  [[ "${COMPREPLY[*]}" =~ [=/.:](\ |$) ]] && compopt -o nospace
  return 0
}
complete -F _brainsurgery brainsurgery
)script";

constexpr std::string_view kZsh = R"script(#compdef brainsurgery
# zsh completion of brainsurgery; to use it: source <(brainsurgery completion zsh)
_brainsurgery() {
  local -a candidates open
  candidates=("${(@f)$("${(@Q)words[1]}" complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  candidates=(${candidates:#})
  open=(${(M)candidates:#*[=/.:]})
  candidates=(${candidates:#*[=/.:]})
  (( $#open )) && compadd -S '' -- "${open[@]}"
  (( $#candidates )) && compadd -- "${candidates[@]}"
  (( $#open + $#candidates ))
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _brainsurgery "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
  compdef _brainsurgery brainsurgery
fi
)script";

constexpr std::string_view kFish =
    R"script(# fish completion of brainsurgery; to use it: brainsurgery completion fish | source
function __brainsurgery_candidates
    set -l words (commandline -opc)
    $words[1] complete -- $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c brainsurgery -f -a '(__brainsurgery_candidates)'
)script";

struct Script {
  std::string_view shell, text;
};
constexpr Script kScripts[]{{"bash", kBash}, {"zsh", kZsh}, {"fish", kFish}};

}  // namespace

std::vector<std::string> completion_shells() {
  std::vector<std::string> shells;
  for (const Script& script : kScripts) shells.emplace_back(script.shell);
  return shells;
}

std::string_view completion_script(std::string_view shell) {
  for (const Script& script : kScripts) {
    if (script.shell == shell) return script.text;
  }
  BS_CHECK(false);
  return {};
}

}  // namespace brainsurgery
