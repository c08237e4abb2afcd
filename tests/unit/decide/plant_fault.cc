// SPDX-License-Identifier: Apache-2.0
// plant_fault DECIDE_H FAULTS_TXT NAME OUTPUT: writes a copy of decide.h with the fault NAME in it, and beside it a
// header that includes the real abi.h. Fails when the text to replace is not there: then faults.txt is older than
// decide.h.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

namespace {

std::string read(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  std::string source = read(argv[1]);
  std::ifstream faults(argv[2]);
  const std::string name = argv[3];
  const std::filesystem::path output = argv[4];
  std::string line, within, from, to;
  bool here = false;
  while (std::getline(faults, line)) {
    if (line.rfind("== ", 0) == 0) here = line.substr(3) == name;
    if (!here || line.size() < 2) continue;
    if (line[0] == '@') within = line.substr(2);
    if (line[0] == '-') from = line.substr(2);
    if (line[0] == '+') to = line.substr(2);
  }
  const size_t function = source.find(within + "(tl_img");
  const size_t end = function == std::string::npos ? function : source.find("\n}\n", function);
  const size_t at = function == std::string::npos ? function : source.find(from, function);
  if (from.empty() || at == std::string::npos || at > end) {
    std::cerr << "plant_fault: " << name << ": \"" << from << "\" is not in " << within << "() of " << argv[1]
              << "; mend faults.txt\n";
    return 1;
  }
  source.replace(at, from.size(), to);
  std::filesystem::create_directories(output.parent_path());
  std::ofstream(output) << source;
  std::ofstream(output.parent_path() / "abi.h")
      << "#include \"" << std::filesystem::absolute(argv[1]).parent_path().string() << "/abi.h\"\n";
  return 0;
}
