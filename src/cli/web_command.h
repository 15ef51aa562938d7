// The command that serves the page.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/env.h"
#include "web/page_server.h"

namespace CLI {
class App;
}

namespace brainsurgery {

struct WebArguments {
  std::vector<std::string> items;  // plans, checkpoints, and values for plans
  web::PageOptions page;
  bool browser = true;
};

// The command as a part of `app`; parsing fills `arguments`, which must outlive it.
CLI::App* add_web_command(CLI::App& app, WebArguments& arguments);

// A plan whose inputs are the checkpoints among the items; the rest is left for the plan. Paths are as the root's Env
// takes them.
struct WebItems {
  std::vector<std::string> checkpoints;
  std::string inputs;              // these as YAML; empty: none
  std::vector<std::string> plans;  // and values for them
};
[[nodiscard]] WebItems split_items(const std::vector<std::string>& items, Env& env);

// Has the desktop's browser open the address, where there is a desktop. The token in it is seen by nobody else.
void open_browser(const std::string& url);

}  // namespace brainsurgery
