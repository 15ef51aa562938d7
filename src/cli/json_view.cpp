#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/event_view.h"
#include "describe/event_json.h"

namespace brainsurgery {
namespace {

// A total of 0 is one that nobody knows. Effort counts other things than bytes, too: only its share means something.
nlohmann::ordered_json json_of(const ProgressReading& reading) {
  const events::Progress& progress = reading.progress;
  nlohmann::ordered_json result{{"event", "progress"}, {"work", progress.work}};
  if (progress.bytes_total > 0)
    result["share"] = static_cast<double>(progress.bytes_done) / static_cast<double>(progress.bytes_total);
  if (!progress.counts_effort) {
    result["bytes_done"] = progress.bytes_done;
    if (progress.bytes_total > 0) result["bytes_total"] = progress.bytes_total;
    result["bytes_per_second"] = reading.rate;
  }
  result["seconds"] = reading.seconds;
  if (reading.seconds_left) result["seconds_left"] = *reading.seconds_left;
  return result;
}

// Text from files may be no UTF-8; JSON must be.
std::string line_of(const nlohmann::ordered_json& json, bool ascii) {
  return json.dump(-1, ' ', ascii, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

void JsonView::on(const Event& event) {
  if (const auto* progress = std::get_if<events::Progress>(&event)) {
    if (const auto reading = meter_.read(*progress)) out_ << line_of(json_of(*reading), ascii_) << std::flush;
    return;
  }
  meter_.pause();
  out_ << line_of(json_of(event), ascii_) << std::flush;
}

void JsonView::fail(const Error& error) {
  for (const Diagnostic& diagnostic : error.diagnostics()) out_ << line_of(json_of(diagnostic), ascii_) << std::flush;
  err_ << to_string(error) << std::flush;
}

}  // namespace brainsurgery
