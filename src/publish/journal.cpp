#include "publish/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <span>

#include "publish/staging.h"

namespace brainsurgery {
namespace {

constexpr std::string_view kFirstLine = "brainsurgery journal 1";
constexpr std::int64_t kMaxBytes = 64 << 20;

std::string escape(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '%' || byte < 0x21 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(out), "%{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned int byte = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto [end, status] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    if (status != std::errc{} || end != text.data() + i + 3) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

std::string to_text(const Journal& journal) {
  std::string text =
      fmt::format("{}\nmode {}\n", kFirstLine, journal.mode == Journal::Mode::exchange ? "exchange" : "in-place");
  if (!journal.staging.empty()) text += fmt::format("staging {}\n", escape(journal.staging));
  for (const std::string& name : journal.remove) text += fmt::format("remove {}\n", escape(name));
  for (const std::string& name : journal.install) text += fmt::format("install {}\n", escape(name));
  return text + "end\n";
}

std::optional<Journal> parse_journal(std::string_view text) {
  Journal journal;
  bool first = true, ended = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos || ended) return std::nullopt;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (first) {
      if (line != kFirstLine) return std::nullopt;
      first = false;
      continue;
    }
    const std::size_t blank = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, blank);
    const auto value = unescape(line.substr(std::min(blank + 1, line.size())));
    if (word == "end") {
      ended = true;
    } else if (!value || !is_plain_name(*value)) {
      return std::nullopt;
    } else if (word == "mode" && (*value == "exchange" || *value == "in-place")) {
      journal.mode = *value == "exchange" ? Journal::Mode::exchange : Journal::Mode::in_place;
    } else if (word == "staging" && is_staging_name(*value, "", "")) {
      journal.staging = *value;
    } else if (word == "remove") {
      journal.remove.push_back(*value);
    } else if (word == "install") {
      journal.install.push_back(*value);
    } else {
      return std::nullopt;
    }
  }
  if (!ended || (journal.mode == Journal::Mode::in_place && journal.staging.empty())) return std::nullopt;
  return journal;
}

void write_journal(Env& env, const Journal& journal, const std::string& staging, const std::string& directory,
                   bool sync) {
  // Not by the journal's own name: a folder beside the target that has one passes for the swapped-out old folder.
  const std::string draft = join_path(staging, std::string(kJournalName) + ".draft");
  if (env.status(draft, false)) env.remove(draft);
  const std::string text = to_text(journal);
  const auto file = env.create(draft);
  file->write(0, std::as_bytes(std::span(text)));
  if (sync) file->sync();
  file->close();
  env.rename(draft, join_path(directory, std::string(kJournalName)));
}

std::optional<FoundJournal> find_journal(Env& env, const std::string& directory) {
  const std::string path = join_path(directory, std::string(kJournalName));
  if (!env.status(path, false)) return std::nullopt;
  return FoundJournal{parse_journal(env.read_text(path, kMaxBytes))};
}

void finish_in_place(Env& env, const std::string& target, const Journal& journal, bool sync) {
  const std::string staging = join_path(target, journal.staging);
  const auto is_there = [&](const std::string& path) { return env.status(path, false).has_value(); };
  // The staging folder goes after the journal. Where somebody took it away there is nothing to install, so nothing may
  // be removed for it. A link is none of ours: what it leads to must neither be moved nor removed.
  const auto staging_status = env.status(staging, false);
  const bool staged = staging_status && staging_status->kind == FileStatus::Kind::directory;
  for (const std::string& name : staged ? journal.remove : std::vector<std::string>{}) {
    const std::string path = join_path(target, name);
    // A name that is installed anew and no longer staged is the new file already.
    const bool installed = contains(journal.install, name) && !is_there(join_path(staging, name));
    if (!installed && is_there(path)) env.remove(path);
  }
  // The removals must be on the disk before the first new file is: old index and new shards never meet.
  if (sync) env.sync_directory(target);
  for (const std::string& name : staged ? journal.install : std::vector<std::string>{}) {
    const std::string path = join_path(staging, name);
    if (is_there(path)) env.rename(path, join_path(target, name));
  }
  if (sync) env.sync_directory(target);
  env.remove(join_path(target, std::string(kJournalName)));
  if (staged) remove_flat_directory(env, staging);
  if (sync) env.sync_directory(target);
}

void finish_exchange(Env& env, const std::string& old_directory, const std::string& target, const Journal& journal) {
  for (const std::string& name : env.list(old_directory)) {
    const std::string path = join_path(old_directory, name), twin_path = join_path(target, name);
    if (name == kJournalName) continue;
    if (!contains(journal.remove, name)) {
      const auto ours = env.status(path, false), twin = env.status(twin_path, false);
      // Written by somebody between our linking and the exchange.
      const bool straggler = ours && (!twin || (ours->inode != twin->inode && ours->mtime_ns > twin->mtime_ns));
      if (straggler) {
        env.rename(path, twin_path);
        continue;
      }
    }
    env.remove(path);
  }
  // Last: until here a killed clean-up can be taken up again.
  env.remove(join_path(old_directory, std::string(kJournalName)));
  env.remove(old_directory);
}

}  // namespace brainsurgery
