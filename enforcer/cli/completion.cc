// SPDX-License-Identifier: Apache-2.0
#include "enforcer/cli/ask.h"

namespace treeline::cli {
namespace {

// Written from the command's own tree of verbs and options, so that it cannot lag behind.
void describe(const CLI::App* app, const std::string& path, std::string& out) {
  std::string words;
  for (const CLI::App* sub : app->get_subcommands([](const CLI::App*) { return true; })) words += sub->get_name() + " ";
  for (const CLI::App* level = app; level; level = level->get_parent())
    for (const CLI::Option* option : level->get_options())
      for (const std::string& name : option->get_lnames()) words += "--" + name + " ";
  out += "    '" + path + "') words='" + words + "' ;;\n";
  for (const CLI::App* sub : app->get_subcommands([](const CLI::App*) { return true; })) describe(sub, path + " " + sub->get_name(), out);
}

std::string bash_script(const CLI::App* root) {
  std::string cases;
  describe(root, "treeline", cases);
  return "# bash completion for treeline: treeline completion > /usr/share/bash-completion/completions/treeline\n"
         "_treeline() {\n"
         "  local word path=treeline words=''\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case $word in --) COMPREPLY=($(compgen -c -- \"${COMP_WORDS[COMP_CWORD]}\")); return ;; -*) continue ;; esac\n"
         "    case \"$path $word\" in\n"
         "    " + [&] {
           std::string all;
           std::function<void(const CLI::App*, const std::string&)> walk = [&](const CLI::App* app, const std::string& path) {
             for (const CLI::App* sub : app->get_subcommands([](const CLI::App*) { return true; })) {
               all += (all.empty() ? "'" : "|'") + path + " " + sub->get_name() + "'";
               walk(sub, path + " " + sub->get_name());
             }
           };
           walk(root, "treeline");
           return all;
         }() + ") path=\"$path $word\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case $path in\n" + cases +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "  [[ ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -F _treeline treeline\n";
}

}  // namespace

void add_completion(CLI::App& app, Context& context) {
  app.add_subcommand("completion", "print a completion script for bash")->callback([&context, &app] {
    context.action = [&app] {
      print_line(bash_script(&app));
      return kYes;
    };
  });
}

}  // namespace treeline::cli
