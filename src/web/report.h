// One HTML file about a checkpoint or a pair: the plots of the page, tables, and what is odd. It loads nothing.
#pragma once

#include <optional>
#include <string>

#include "brainsurgery/registries.h"
#include "brainsurgery/session.h"

namespace brainsurgery::web {

struct ReportRequest {
  std::string path;
  std::optional<std::string> other;  // a second checkpoint
  std::string output;                // the file to write
};

// Goes through the tensors one by one; memory is that of one tensor's work. Throws Error.
void write_report(const ReportRequest& request, Env& env, EventSink& events, const SessionOptions& options,
                  const Registries& registries);

}  // namespace brainsurgery::web
