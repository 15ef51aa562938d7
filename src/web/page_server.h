// Serves the page of a plan, or of checkpoints, until it is cancelled.
#pragma once

#include <functional>
#include <string>

#include "brainsurgery/registries.h"
#include "brainsurgery/session.h"
#include "web/server.h"

namespace brainsurgery::web {

struct PageOptions {
  ServerOptions server;
  std::string root = ".";                // the folder that bounds every path
  std::vector<std::string> checkpoints;  // inputs of the plan that must be readable from the beginning
};

// `ready` gets the address of the page, with its token. Throws Error: the plan's, and that of a server which cannot
// listen.
void serve_page(const PageOptions& options, const PlanSource& plan, const SessionOptions& session,
                const Registries& registries, const Cancellation& cancellation,
                const std::function<void(const std::string& url)>& ready);

}  // namespace brainsurgery::web
