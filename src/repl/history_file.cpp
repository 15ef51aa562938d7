#include "repl/history_file.h"

#include <span>
#include <sstream>

#include "base/text.h"
#include "brainsurgery/error.h"
#include "publish/staged_file.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kMostBytes = std::int64_t{16} << 20;
constexpr std::uint32_t kOwnerOnly = 0600;

std::string state_folder(const VariableLookup& environment) {
  if (!environment) return "";
  // The specification ignores paths that are not absolute.
  const std::optional<std::string> state = environment("XDG_STATE_HOME");
  if (state && state->starts_with('/')) return *state;
  const std::optional<std::string> home = environment("HOME");
  return home && home->starts_with('/') ? *home + "/.local/state" : "";
}

std::string escaped(const std::string& entry) {
  std::string line;
  for (const char c : entry) line += c == '\\' ? "\\\\" : c == '\n' ? "\\n" : std::string(1, c);
  return line;
}

std::string unescaped(const std::string& line) {
  std::string entry;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool escape = line[i] == '\\' && i + 1 < line.size();
    if (escape) ++i;
    entry += escape && line[i] == 'n' ? '\n' : line[i];
  }
  return entry;
}

// Blank lines and bytes that are no text are left out: a terminal is to show the entries.
std::vector<std::string> entries_of(const std::string& text, std::string (*decode)(const std::string& line)) {
  std::vector<std::string> entries;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::string entry = decode(line);
    if (!trim(entry).empty() && escape_lines(entry) == entry) entries.push_back(std::move(entry));
  }
  return entries;
}

void append(std::vector<std::string>& entries, const std::string& entry) {
  if (!entries.empty() && entries.back() == entry) return;
  entries.push_back(entry);
  if (entries.size() > HistoryFile::kMostEntries)
    entries.erase(entries.begin(), entries.end() - static_cast<std::ptrdiff_t>(HistoryFile::kMostEntries));
}

}  // namespace

HistoryFile::HistoryFile(Env& env, const VariableLookup& environment) : env_(env) {
  const std::string folder = state_folder(environment);
  if (folder.empty()) return;
  path_ = folder + "/brainsurgery/history";
  try {
    const std::optional<std::string> home = environment("HOME");
    if (env_.status(path_)) {
      entries_ = read();
    } else if (home && env_.status(*home + "/.brainsurgery_history")) {
      entries_ = entries_of(env_.read_text(*home + "/.brainsurgery_history", kMostBytes),
                            [](const std::string& line) { return line; });
    }
  } catch (const Error&) {  // it stays as it is
    path_.clear();
  }
}

std::vector<std::string> HistoryFile::read() const { return entries_of(env_.read_text(path_, kMostBytes), unescaped); }

void HistoryFile::add(const std::string& entry) {
  if (trim(entry).empty()) return;
  append(entries_, entry);
  if (path_.empty()) return;
  try {
    if (env_.status(path_)) {
      std::vector<std::string> kept = read();
      append(kept, entry);
      entries_ = std::move(kept);
    }
    write();
  } catch (const Error&) {  // a full disk, a home that cannot be written to
    path_.clear();
  }
}

void HistoryFile::write() const {
  std::string text;
  for (const std::string& entry : entries_) text += escaped(entry) + "\n";
  StagedFile staged(env_, path_, {.overwrite = true, .sync = false});
  staged.file().set_mode(kOwnerOnly);
  staged.file().write(0, std::as_bytes(std::span(text)));
  staged.commit();
}

}  // namespace brainsurgery
