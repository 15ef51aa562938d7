#include "cli/report_command.h"

#include <CLI/CLI.hpp>

namespace brainsurgery {

CLI::App* add_report_command(CLI::App& app, web::ReportRequest& request) {
  CLI::App* command = app.add_subcommand("report", "Write an HTML file about a checkpoint, or two: plots, tables, anomalies");
  command->add_option("checkpoint", request.path, "A file or a directory")->type_name("CHECKPOINT")->required();
  command->add_option("other", request.other, "Another one, to compare it with")->type_name("CHECKPOINT");
  command->add_option("-o,--output", request.output, "The file to write")->type_name("FILE")->required();
  return command;
}

}  // namespace brainsurgery
