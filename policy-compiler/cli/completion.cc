// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <string>

#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/question.h"
#include "policy-compiler/cli/report.h"

namespace treeline::cli {

int completion(const std::string& shell) {
  if (shell != "bash") return Report("completion", false).usage(Error{"there is completion for bash only"});
  std::string words;
  for (const std::string& act : acts()) words += (words.empty() ? "" : " ") + act;
  const std::string script = R"(# bash completion for treelinec: source <(treelinec completion bash)
_treelinec() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "compile check explain evaluate learn sign verify completion version --help" -- "$current"))
    return
  fi
  case $previous in
    --act) COMPREPLY=($(compgen -W ")" +
                             words + R"(" -- "$current")); return ;;
    --jobs|--node|--object|--name|--expires|--at|--generation|--minimum-generation) return ;;
    -o|--output|--evidence|--key) compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
    --image) compopt -o filenames; COMPREPLY=($(compgen -d -- "$current")); return ;;
  esac
  if [ "${COMP_WORDS[1]}" = explain ] && [ "$COMP_CWORD" -eq 4 ]; then
    COMPREPLY=($(compgen -W ")" +
                             words + R"(" -- "$current"))
    return
  fi
  if [[ $current == -* ]]; then
    case ${COMP_WORDS[1]} in
      compile) COMPREPLY=($(compgen -W "--output --strict --jobs --json --help" -- "$current")) ;;
      check) COMPREPLY=($(compgen -W "--strict --json --help" -- "$current")) ;;
      explain) COMPREPLY=($(compgen -W "--json --help" -- "$current")) ;;
      evaluate) COMPREPLY=($(compgen -W "--node --act --object --json --help" -- "$current")) ;;
      learn) COMPREPLY=($(compgen -W "--output --name --join --image --evidence --json --help" -- "$current")) ;;
      sign) COMPREPLY=($(compgen -W "--key --expires --generation --minimum-generation --json --help" -- "$current")) ;;
      verify) COMPREPLY=($(compgen -W "--key --generation --at --json --help" -- "$current")) ;;
    esac
    return
  fi
  case ${COMP_WORDS[1]} in
    completion) COMPREPLY=($(compgen -W "bash" -- "$current")) ;;
    *) compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}
complete -F _treelinec treelinec
)";
  return std::fputs(script.c_str(), stdout) >= 0 && std::fflush(stdout) == 0 ? kYes : kFailed;
}

}  // namespace treeline::cli
