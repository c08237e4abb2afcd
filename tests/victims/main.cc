// SPDX-License-Identifier: Apache-2.0
//
// victim BASE ACT [ARGUMENT...]: commits one act that its policy forbids and says what came of it. `victim --list` names the acts.
// Which act is forbidden by what, and what is to happen, stands in table.toml.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "tests/victims/scene.h"

namespace {

std::vector<victim::Act> all_acts() {
  std::vector<victim::Act> all;
  for (const auto& family : {victim::exec_acts(), victim::borrow_acts(), victim::file_acts(), victim::appended_acts(), victim::name_acts(),
                             victim::nameless_acts(), victim::descriptor_acts(), victim::memory_acts(), victim::network_acts(), victim::privilege_acts(),
                             victim::moved_acts(), victim::door_acts(), victim::attribute_acts(), victim::loop_acts(), victim::swap_acts(), victim::flood_acts(),
                             victim::odd_name_acts(), victim::odd_network_acts(), victim::unix_acts(), victim::sctp_acts(), victim::ring_acts(), victim::handle_acts(),
                             victim::mount_acts(), victim::host_file_acts(), victim::gain_acts(), victim::pin_acts(), victim::own_acts(), victim::other_acts(),
                             victim::script_acts(), victim::unseen_acts(), victim::drive_acts()})
    all.insert(all.end(), family.begin(), family.end());
  return all;
}

void put(int fd, const std::string& text) { (void)!write(fd, text.data(), text.size()); }

}  // namespace

int main(int argc, char** argv) {
  const std::vector<victim::Act> acts = all_acts();
  if (argc == 2 && std::string(argv[1]) == "--list") {
    for (const victim::Act& act : acts) put(STDOUT_FILENO, std::string(act.name) + "\t" + act.about + "\n");
    return 0;
  }
  if (argc < 3) {
    put(STDERR_FILENO, "usage: victim BASE ACT [ARGUMENT...] | victim --list\n");
    return 64;
  }
  umask(022);
  victim::Scene scene{argv[1], {}};
  for (int i = 3; i < argc; ++i) scene.arguments.emplace_back(argv[i]);
  for (const victim::Act& act : acts)
    if (act.name == std::string(argv[2])) {
      errno = 0;
      act.run(scene);
      return 0;
    }
  put(STDERR_FILENO, std::string("victim: no act ") + argv[2] + "; see victim --list\n");
  return 64;
}
