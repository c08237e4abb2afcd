// SPDX-License-Identifier: Apache-2.0
//
// treeline-oci: no container without its policy. Two forms, one program: wrapper.h (what a container engine calls as
// its runtime) and hook.h (what a runtime calls while it makes a container).
#include <cstdio>
#include <string>
#include <vector>

#include "enforcer/oci/hook.h"
#include "enforcer/oci/wrapper.h"

namespace {

constexpr char kHelp[] =
    "treeline-oci binds containers to their policies, or does not let them start.\n"
    "\n"
    "as a runtime, in front of the real one:\n"
    "  treeline-oci [--runtime runc|crun|PATH] [--policy NAME] [--conf FILE] ARGUMENTS OF THE RUNTIME...\n"
    "      the runtime is --runtime, else the variable TREELINE_RUNTIME, else oci_runtime in "
    "/etc/treeline/treeline.conf\n"
    "as an OCI hook, the container's state on standard input:\n"
    "  treeline-oci hook [--policy NAME] [--conf FILE] [--without-filter]\n"
    "                                                    stage createRuntime: verify config.json, bind. In enforce its seccomp\n"
    "      filter has to refuse what no LSM hook sees, as the wrapper writes it. With --without-filter it may lack that where the\n"
    "      kernel has hooks for the most of it (6.1): modify_ldt, seccomp listeners and an executable heap then stay open,\n"
    "      and treeline status counts the container\n"
    "  treeline-oci poststop [--conf FILE]               stage poststop: release\n"
    "\n"
    "The policy is named by the container's annotation treeline.policy=NAME; without one by --policy; without\n"
    "that `default` of treeline.conf decides. (--policy is for engines that write no annotations: Docker before 24 takes a\n"
    "runtime per policy, with runtimeArgs, in daemon.json.)\n"
    "Exit status: the runtime's; or 1 refused, 2 usage or configuration, 3 treelined cannot be asked, 4 this machine "
    "cannot\n"
    "enforce, 127 the runtime cannot be executed. A refusal is one line on stderr and in the runtime's --log file.\n";

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + (argc > 0), argv + argc);
  const std::span<const std::string> args(words);
  if (args.size() == 1 && (args[0] == "--help" || args[0] == "-h")) return std::fputs(kHelp, stdout) < 0;
  if (args.empty()) return std::fputs(kHelp, stderr), 2;
  if (args[0] == "hook") return treeline::oci::run_hook(args.subspan(1));
  if (args[0] == "poststop") return treeline::oci::run_poststop(args.subspan(1));
  return treeline::oci::run_wrapper(args);
}
