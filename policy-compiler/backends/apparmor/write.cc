// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/apparmor/write.h"

#include "bpf/lsm/abi.h"

namespace treeline::backends::apparmor {
namespace {

class Text {
 public:
  explicit Text(std::string workload, bool complain) : workload_(std::move(workload)), complain_(complain) {}

  void profile(const Profile& profile, const std::string& parent) {
    const std::string full = parent.empty() ? profile.name : parent + "//" + profile.name;
    line("profile " + profile.name + (profile.attachment.empty() ? "" : " " + profile.attachment) + flags(profile.rights) + " {");
    indent_ += "  ";
    files(profile);
    sockets(profile.rights);
    for (const std::string& capability : profile.rights.capabilities) line("capability " + capability + ",");
    processes(profile.rights, full);
    for (const Profile& local : profile.local) {
      out_ += "\n";
      this->profile(local, full);
    }
    indent_.resize(indent_.size() - 2);
    line("}");
  }

  std::string take() { return std::move(out_); }
  void line(const std::string& text) { out_ += indent_ + text + "\n"; }

 private:
  std::string flags(const Rights& rights) const {
    std::string words;
    if (complain_) words += "complain";
    if (rights.deleted) words += std::string(words.empty() ? "" : ", ") + "mediate_deleted";
    return words.empty() ? "" : " flags=(" + words + ")";
  }

  void files(const Profile& profile) {
    for (const auto& [glob, letters] : profile.rights.files) {
      std::string text;
      for (const char letter : std::string("rwmk"))
        if (letters.contains(letter)) text += letter;
      line(glob + " " + text + ",");
    }
    for (const std::string& glob : profile.rights.links) line("link " + glob + " -> \"/**\",");
    for (const auto& [glob, step] : profile.steps) line(glob + " " + step + ",");
  }

  void sockets(const Rights& rights) {
    for (const std::string& type : rights.sockets) {
      line("network " + type + ",");
      if (type.starts_with("unix ")) line("unix type=" + type.substr(5) + ",");
    }
  }

  // What a process does to its own kind cannot be told from what it does to itself, and being a target is nobody's right.
  void processes(const Rights& rights, const std::string& own) {
    const auto has = [&](tl_operation operation) { return (rights.operations >> operation & 1) != 0; };
    line("signal receive,");
    if (has(TL_OP_SIGNAL))
      line("signal send,");
    else if (has(TL_OP_SIGNAL_WORKLOAD) || has(TL_OP_SIGNAL_DESCENDANT))
      line("signal send peer=" + workload_ + ",");
    else
      line("signal send peer=" + own + ",");
    line("ptrace (readby, tracedby),");
    line("ptrace read peer=" + workload_ + ",");
    if (has(TL_OP_PTRACE))
      line("ptrace (trace, read),");
    else if (has(TL_OP_PTRACE_WORKLOAD) || has(TL_OP_PTRACE_DESCENDANT))
      line("ptrace trace peer=" + workload_ + ",");
    if (has(TL_OP_MOUNT))
      for (const char* rule : {"mount,", "umount,", "pivot_root,"}) line(rule);
  }

  std::string workload_, out_, indent_;
  bool complain_;
};

}  // namespace

std::string write(const Shape& shape, const std::string& workload, bool complain) {
  // A dot within a policy's name is written twice (names.h): policy `web.x` is none of `web`'s nodes.
  Text text(workload + "{,.[^.]**}", complain);
  text.line("abi <abi/3.0>,");
  for (const Profile& profile : shape.profiles) {
    text.line("");
    text.profile(profile, "");
  }
  return text.take();
}

}  // namespace treeline::backends::apparmor
