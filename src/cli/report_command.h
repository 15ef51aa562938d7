// The command that writes a report about a checkpoint, or a pair.
#pragma once

#include "web/report.h"

namespace CLI {
class App;
}

namespace brainsurgery {

// The command as a part of `app`; parsing fills `request`, which must outlive it.
CLI::App* add_report_command(CLI::App& app, web::ReportRequest& request);

}  // namespace brainsurgery
