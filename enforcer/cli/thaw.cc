// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "enforcer/cli/ask.h"

namespace treeline::cli {
namespace {

int thaw(const Context& context, const std::string& container) {
  int status = 0;
  std::optional<Json> answer = ask(context, {{"do", "thaw"}, {"container", container}}, status);
  if (!answer) return status;
  if (context.json) {
    print_line(to_line(*answer));
    return kYes;
  }
  print_line(container + (flag_at(*answer, "was_frozen") ? " goes on" : " was not frozen"));
  return kYes;
}

}  // namespace

void add_thaw(CLI::App& app, Context& context) {
  auto* sub = app.add_subcommand("thaw", "let a container go on that a violation froze (on_violation: freeze-container)");
  auto container = std::make_shared<std::string>();
  sub->add_option("CONTAINER", *container, "as treeline status lists it")->required();
  sub->callback([&context, container] { context.action = [&context, container] { return thaw(context, *container); }; });
}

}  // namespace treeline::cli
