#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <ostream>

#include "base/text.h"
#include "base/units.h"
#include "cli/event_view.h"

namespace brainsurgery {
namespace {

constexpr int kUsualColumns = 80;

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      break;
  }
  return spdlog::level::err;
}

// The parts of the line, the most important first. Effort is no number of bytes that anybody could read.
std::vector<std::string> progress_parts(const ProgressReading& reading) {
  const events::Progress& progress = reading.progress;
  const auto done = static_cast<double>(progress.bytes_done), total = static_cast<double>(progress.bytes_total);
  const std::string rate = fmt::format("{}/s", format_size(static_cast<std::int64_t>(reading.rate)));
  std::vector<std::string> parts;
  if (progress.bytes_total == 0) {
    parts = {fmt::format("{} read", format_size(progress.bytes_done)), rate};
  } else {
    parts = {fmt::format("{:3.0f}%", 100.0 * done / total)};
    if (!progress.counts_effort) {
      parts.push_back(fmt::format("{} of {}", format_size(progress.bytes_done), format_size(progress.bytes_total)));
      if (reading.rate > 0) parts.push_back(rate);
    }
    if (reading.seconds_left) parts.push_back(format_duration(*reading.seconds_left) + " left");
  }
  if (!progress.work.empty()) parts.push_back(escape_for_terminal(progress.work));
  return parts;
}

// What fits; the last column stays free, where some terminals wrap.
std::string progress_line(const ProgressReading& reading, int columns) {
  std::string line;
  for (const std::string& part : progress_parts(reading)) {
    const std::string with_part = line + (line.empty() ? "" : "  ") + part;
    if (std::ssize(with_part) < columns) line = with_part;
  }
  return line;
}

std::string shown_name(const std::string& text) { return "'" + escape_for_terminal(text) + "'"; }

std::string describe(const events::OutputStarted& event) {
  std::string text = fmt::format("writing {} of {} to {} ({}): {}", counted(event.tensors, "tensor"),
                                 shown_name(event.alias), shown_name(event.path), event.reason, format_size(event.bytes));
  if (event.bytes_computed == 0) return text + ", copied unchanged";
  return text + fmt::format(", {} copied unchanged, {} computed", format_size(event.bytes_copied),
                            format_size(event.bytes_computed));
}

std::string describe(const events::Published& event) {
  std::string text = "published " + shown_name(event.path);
  if (!event.files.empty()) text += fmt::format(" ({})", counted(std::ssize(event.files), "file"));
  if (event.bytes_shared > 0)
    text += fmt::format(", {} in the disk blocks of the inputs", format_size(event.bytes_shared));
  if (!event.removed.empty()) text += fmt::format(", removed {}", counted(std::ssize(event.removed), "old file"));
  if (!event.atomic) text += "; not atomic: the directory could not be exchanged as a whole";
  return text;
}

}  // namespace

std::string carried_text(const std::vector<CarriedFile>& carried) {
  std::string names;
  std::int64_t bytes = 0;
  for (const CarriedFile& file : carried) {
    names += (names.empty() ? "" : ", ") + escape_for_terminal(file.name);
    bytes += file.bytes;
  }
  return fmt::format("carrying {} ({}): {}", counted(std::ssize(carried), "file"), format_size(bytes), names);
}

TextView::TextView(std::ostream& out, std::ostream& err, LogLevel level, Look look)
    : out_(out),
      err_(err),
      log_(std::make_shared<spdlog::logger>("brainsurgery",
                                            std::make_shared<spdlog::sinks::ostream_sink_st>(err, true))),
      look_(look) {
  log_->set_pattern("%v");
  log_->set_level(level_of(level));
}

TextView::~TextView() { clear_progress(); }

void TextView::on(const Event& event) {
  if (const auto* progress = std::get_if<events::Progress>(&event)) {
    show_progress(*progress);
    return;
  }
  clear_progress();
  if (const auto* warning = std::get_if<events::Warning>(&event)) {
    if (log_->should_log(spdlog::level::warn)) show(warning->diagnostic);
  } else if (const auto* printed = std::get_if<events::Printed>(&event)) {
    const std::string text = escape_lines(printed->text);
    if (!look_.page || !look_.page(text)) out_ << text << std::flush;
  } else if (const auto* opened = std::get_if<events::InputOpened>(&event)) {
    log_->debug("opened {} as {}: {}, {}", shown_name(opened->path), shown_name(opened->alias),
                counted(opened->tensors, "tensor"), format_size(opened->bytes));
  } else if (const auto* step = std::get_if<events::StepBound>(&event)) {
    log_->debug("step {} {}: {} created, {} changed, {} deleted", step->index + 1, step->command, step->created,
                step->changed, step->deleted);
  } else if (const auto* held = std::get_if<events::AssertionHeld>(&event)) {
    log_->debug("step {} assert: holds", held->index + 1);
  } else if (const auto* output = std::get_if<events::OutputStarted>(&event)) {
    log_->info("{}", describe(*output));
    if (!output->carried.empty()) log_->info("{}", carried_text(output->carried));
    for (const DocumentChange& change : output->changes) log_->info("{}", escape_for_terminal(to_string(change)));
  } else if (const auto* published = std::get_if<events::Published>(&event)) {
    log_->info("{}", describe(*published));
  }
}

void TextView::fail(const Error& error) {
  clear_progress();
  for (const Diagnostic& diagnostic : error.diagnostics()) show(diagnostic);
}

void TextView::show(const Diagnostic& diagnostic) {
  std::string text = to_string(diagnostic);
  if (look_.color) {
    for (const auto& [word, code] : {std::pair{"error:", "\x1b[1;31m"}, std::pair{"warning:", "\x1b[1;33m"}}) {
      const std::size_t at = text.find(word);
      if (at == std::string::npos || at > text.find('\n')) continue;
      text.insert(at + std::char_traits<char>::length(word), "\x1b[0m");
      text.insert(at, code);
      break;
    }
  }
  err_ << text << std::flush;
}

void TextView::show_progress(const events::Progress& progress) {
  if (!look_.progress) return;
  const std::optional<ProgressReading> reading = meter_.read(progress);
  if (!reading) return;
  const int columns = look_.columns ? look_.columns() : 0;
  err_ << "\r\x1b[K" << progress_line(*reading, columns > 0 ? columns : kUsualColumns) << std::flush;
  progress_shown_ = true;
}

void TextView::clear_progress() {
  if (!progress_shown_) return;
  err_ << "\r\x1b[K" << std::flush;
  progress_shown_ = false;
  meter_.pause();
}

}  // namespace brainsurgery
