// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <string>

#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/question.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/import/import.h"

namespace treeline::cli {

int completion(const std::string& shell) {
  if (shell != "bash") return Report("completion", false).usage(Error{"there is completion for bash only"});
  std::string words;
  for (const std::string& act : acts()) words += (words.empty() ? "" : " ") + act;
  std::string formats = import_::format_list();
  std::erase(formats, ',');
  const std::string script = R"(# bash completion for treelinec: source <(treelinec completion bash)
_treelinec() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "compile check diff emit explain evaluate fmt import learn merge replay schema sign test verify completion version --help" -- "$current"))
    return
  fi
  case $previous in
    --act) COMPREPLY=($(compgen -W ")" +
                             words + R"(" -- "$current")); return ;;
    --fail-on) COMPREPLY=($(compgen -W "none allowed denied any low medium high critical" -- "$current")); return ;;
    --backend) COMPREPLY=($(compgen -W "bpf bpf,seccomp bpf,seccomp,apparmor" -- "$current")); return ;;
    --seccomp-arch) COMPREPLY=($(compgen -W "x86_64 x86 x32 aarch64" -- "$current")); return ;;
    --format) COMPREPLY=($(compgen -W "text json sarif junit markdown" -- "$current")); return ;;
    --jobs|--node|--object|--name|--container|--expires|--at|--generation|--minimum-generation) return ;;
    -o|--output|--evidence|--report|--exec|--key) compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
    --from) COMPREPLY=($(compgen -W ")" +
                             formats + R"(" -- "$current")); return ;;
    --as) COMPREPLY=($(compgen -W "networkpolicy cilium calico selinux" -- "$current")); return ;;
    --image) compopt -o filenames; COMPREPLY=($(compgen -d -- "$current")); return ;;
  esac
  if [ "${COMP_WORDS[1]}" = explain ] && [ "$COMP_CWORD" -eq 4 ]; then
    COMPREPLY=($(compgen -W ")" +
                             words + R"(" -- "$current"))
    return
  fi
  if [[ $current == -* ]]; then
    case ${COMP_WORDS[1]} in
      compile) COMPREPLY=($(compgen -W "--output --strict --jobs --backend --seccomp-arch --no-new-privs --complain --format --json --help" -- "$current")) ;;
      check) COMPREPLY=($(compgen -W "--strict --fail-on --kernel --format --json --help" -- "$current")) ;;
      diff) COMPREPLY=($(compgen -W "--fail-on --format --json --help" -- "$current")) ;;
      fmt) COMPREPLY=($(compgen -W "--check --format --json --help" -- "$current")) ;;
      merge) COMPREPLY=($(compgen -W "--output --name --format --json --help" -- "$current")) ;;
      schema) COMPREPLY=($(compgen -W "--version --json --help" -- "$current")) ;;
      explain) COMPREPLY=($(compgen -W "--matrix --as --json --help" -- "$current")) ;;
      evaluate) COMPREPLY=($(compgen -W "--node --act --object --json --help" -- "$current")) ;;
      replay) COMPREPLY=($(compgen -W "--unused --require-complete --format --json --help" -- "$current")) ;;
      test) COMPREPLY=($(compgen -W "--format --json --help" -- "$current")) ;;
      import) COMPREPLY=($(compgen -W "--output --from --name --exec --container --report --syscalls --format --json --help" -- "$current")) ;;
      emit) COMPREPLY=($(compgen -W "--as --output --namespace --pods --service-cidr --service --split-ranges --mount --strict --format --json --help" -- "$current")) ;;
      learn) COMPREPLY=($(compgen -W "--output --name --join --image --evidence --json --help" -- "$current")) ;;
      sign) COMPREPLY=($(compgen -W "--key --expires --generation --minimum-generation --format --json --help" -- "$current")) ;;
      verify) COMPREPLY=($(compgen -W "--key --generation --at --format --json --help" -- "$current")) ;;
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
  std::fputs(script.c_str(), stdout);
  return written(kYes);
}

}  // namespace treeline::cli
