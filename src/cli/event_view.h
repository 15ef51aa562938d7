// What the core reports, as lines for people or as JSON for programs.
#pragma once

#include <chrono>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "brainsurgery/events.h"
#include "cli/progress_meter.h"

namespace spdlog {
class logger;
}

namespace brainsurgery {

// The least important messages that are shown.
enum class LogLevel { debug, info, warning, error };

// "carrying 2 files (3 KiB): config.json, tokenizer.json"
[[nodiscard]] std::string carried_text(const std::vector<CarriedFile>& carried);

// What the plan prints on `out`, without characters that a terminal obeys; on `err` messages: warnings, where output
// goes and why, and on a terminal one line of progress.
class TextView final : public EventSink {
 public:
  struct Look {
    bool progress = false;
    bool color = false;
    std::function<int()> columns = {};  // of the terminal that shows progress; 0 or empty: unknown
    // Shows what is printed, or gives false and leaves it to `out`; empty: leaves everything.
    std::function<bool(const std::string& text)> page = {};
  };
  TextView(std::ostream& out, std::ostream& err, LogLevel level, Look look);
  ~TextView() override;
  void on(const Event& event) override;
  void fail(const Error& error);

 private:
  void show_progress(const events::Progress& progress);
  void clear_progress();
  void show(const Diagnostic& diagnostic);
  std::ostream& out_;
  std::ostream& err_;
  std::shared_ptr<spdlog::logger> log_;
  Look look_;
  bool progress_shown_ = false;
  ProgressMeter meter_{std::chrono::milliseconds(100)};
};

// One JSON object a line: {"event": "published", ...}, of work that takes long some about its progress. Errors are written
// as text to `err` too.
class JsonView final : public EventSink {
 public:
  // `ascii`: nothing beyond ASCII in what is written to `out`.
  JsonView(std::ostream& out, std::ostream& err, bool ascii = false) : out_(out), err_(err), ascii_(ascii) {}
  void on(const Event& event) override;
  void fail(const Error& error);

 private:
  std::ostream& out_;
  std::ostream& err_;
  bool ascii_;
  ProgressMeter meter_{std::chrono::milliseconds(500)};
};

}  // namespace brainsurgery
