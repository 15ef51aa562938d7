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

constexpr std::chrono::milliseconds kProgressInterval{100};
constexpr double kFirstEstimate = 1.0;  // seconds of work before it says how many are left
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
std::vector<std::string> progress_parts(const events::Progress& progress, double seconds) {
  const auto done = static_cast<double>(progress.bytes_done), total = static_cast<double>(progress.bytes_total);
  const double rate = seconds > 0 ? done / seconds : 0;
  const std::string rate_text = fmt::format("{}/s", format_size(static_cast<std::int64_t>(rate)));
  if (progress.bytes_total == 0) return {fmt::format("{} read", format_size(progress.bytes_done)), rate_text};
  std::vector<std::string> parts{fmt::format("{:3.0f}%", 100.0 * done / total)};
  if (!progress.counts_effort) {
    parts.push_back(fmt::format("{} of {}", format_size(progress.bytes_done), format_size(progress.bytes_total)));
    if (rate > 0) parts.push_back(rate_text);
  }
  if (rate > 0 && done < total && seconds >= kFirstEstimate) parts.push_back(format_duration((total - done) / rate) + " left");
  return parts;
}

// What fits; the last column stays free, where some terminals wrap.
std::string progress_line(const events::Progress& progress, double seconds, int columns) {
  std::string line;
  for (const std::string& part : progress_parts(progress, seconds)) {
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
    out_ << escape_lines(printed->text) << std::flush;
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
  const auto now = std::chrono::steady_clock::now();
  const bool is_new = progress.bytes_total != shown_.bytes_total || progress.bytes_done < shown_.bytes_done;
  shown_ = progress;
  if (is_new) started_ = now;
  if (progress_shown_ && now - last_shown_ < kProgressInterval) return;
  // The first dense operation may take long, and says nothing until it is done.
  if (!progress_shown_ && !progress.counts_effort && now - started_ < kProgressInterval) return;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const int columns = look_.columns ? look_.columns() : 0;
  err_ << "\r\x1b[K" << progress_line(progress, seconds, columns > 0 ? columns : kUsualColumns) << std::flush;
  progress_shown_ = true;
  last_shown_ = now;
}

void TextView::clear_progress() {
  if (!progress_shown_) return;
  err_ << "\r\x1b[K" << std::flush;
  progress_shown_ = false;
}

}  // namespace brainsurgery
