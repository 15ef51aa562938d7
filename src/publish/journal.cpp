#include "publish/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <span>
#include <utility>

#include "base/sha256.h"
#include "publish/staging.h"

namespace brainsurgery {
namespace {

constexpr std::string_view kFirstLine = "brainsurgery journal 2";
constexpr std::int64_t kMaxBytes = 64 << 20;
constexpr std::size_t kMaxEntries = 1'000'000;
// Of a large file these pieces are digested: beginning, middle and end.
constexpr std::int64_t kPieces = 3, kPieceBytes = 64 << 10;

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

// Takes the first word of a line off.
std::string_view next_word(std::string_view& line) {
  const std::size_t blank = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, blank);
  line.remove_prefix(std::min(blank + 1, line.size()));
  return word;
}

template <typename Number>
bool read_number(std::string_view& line, Number& number) {
  const std::string_view word = next_word(line);
  const auto [end, status] = std::from_chars(word.data(), word.data() + word.size(), number);
  return status == std::errc{} && end == word.data() + word.size();
}

bool read_name(std::string_view line, std::string& name) {
  std::optional<std::string> plain = unescape(line);
  if (!plain || !is_plain_name(*plain)) return false;
  name = *std::move(plain);
  return true;
}

bool read_entry(std::string_view line, std::vector<JournalEntry>& entries) {
  if (entries.size() == kMaxEntries) return false;
  JournalEntry& entry = entries.emplace_back();
  if (!read_number(line, entry.inode) || !read_number(line, entry.size) || !read_number(line, entry.mtime_ns) ||
      !read_number(line, entry.ctime_ns))
    return false;
  entry.digest = next_word(line);
  return read_name(line, entry.name);
}

// A line behind the first one and before the last.
bool read_line(std::string_view line, Journal& journal) {
  const std::string_view word = next_word(line);
  if (word == "mode" && (line == "exchange" || line == "in-place")) {
    journal.mode = line == "exchange" ? Journal::Mode::exchange : Journal::Mode::in_place;
    return true;
  }
  if (word == "folder") return read_number(line, journal.folder) && line.empty();
  if (word == "staging") {
    return read_number(line, journal.staging_inode) && read_name(line, journal.staging) &&
           is_staging_name(journal.staging, "", "");
  }
  if (word == "remove") return read_entry(line, journal.remove);
  if (word == "install") return read_entry(line, journal.install);
  return word == "keep" && read_entry(line, journal.keep);
}

void append_entries(std::string& text, std::string_view word, const std::vector<JournalEntry>& entries) {
  for (const JournalEntry& entry : entries) {
    fmt::format_to(std::back_inserter(text), "{} {} {} {} {} {} {}\n", word, entry.inode, entry.size, entry.mtime_ns,
                   entry.ctime_ns, entry.digest, escape(entry.name));
  }
}

}  // namespace

bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

std::string journal_path(const std::string& directory) { return join_path(directory, std::string(kJournalName)); }

JournalEntry journal_entry(std::string name, const FileStatus& status) {
  return {std::move(name), status.inode, status.size, status.mtime_ns, status.ctime_ns};
}

std::string content_digest(Env& env, const std::string& path) {
  std::string digest = "-";
  attempt([&] {
    const auto file = env.open(path);
    const std::int64_t size = file->status().size;
    std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(size, kPieces * kPieceBytes)));
    if (size <= kPieces * kPieceBytes) {
      file->read(0, bytes);
    } else {
      const std::span<std::byte> all(bytes);
      for (std::int64_t i = 0; i < kPieces; ++i)
        file->read((size - kPieceBytes) * i / (kPieces - 1),
                   all.subspan(static_cast<std::size_t>(i * kPieceBytes), kPieceBytes));
    }
    Sha256 hash;
    hash.update(bytes);
    digest = hash.hex();
  });
  return digest;
}

std::string to_text(const Journal& journal) {
  const bool exchange = journal.mode == Journal::Mode::exchange;
  std::string text =
      fmt::format("{}\nmode {}\nfolder {}\n", kFirstLine, exchange ? "exchange" : "in-place", journal.folder);
  if (!exchange) text += fmt::format("staging {} {}\n", journal.staging_inode, escape(journal.staging));
  append_entries(text, "remove", journal.remove);
  append_entries(text, "install", journal.install);
  append_entries(text, "keep", journal.keep);
  return text + "end\n";
}

std::optional<Journal> parse_journal(std::string_view text) {
  Journal journal;
  bool first = true;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (!first && line == "end") {
      const bool whole = journal.mode == Journal::Mode::exchange || !journal.staging.empty();
      return whole && text.empty() ? std::optional(std::move(journal)) : std::nullopt;
    }
    if (first ? line != kFirstLine : !read_line(line, journal)) return std::nullopt;
    first = false;
  }
  return std::nullopt;
}

void write_journal(Env& env, const Journal& journal, const std::string& staging, const std::string& directory,
                   bool sync) {
  const std::string text = to_text(journal);
  const std::size_t most = std::max({journal.remove.size(), journal.install.size(), journal.keep.size()});
  if (std::ssize(text) > kMaxBytes || most > kMaxEntries) {
    throw Error(ErrorCode::run, fmt::format("cannot publish into '{}': it has too many entries", directory));
  }
  // Not by the journal's own name: a folder beside the target that has one passes for the swapped-out old folder.
  const std::string draft = join_path(staging, std::string(kJournalName) + ".draft");
  if (env.status(draft, false)) env.remove(draft);
  const auto file = env.create(draft);
  file->write(0, std::as_bytes(std::span(text)));
  if (sync) file->sync();
  file->close();
  env.rename(draft, journal_path(directory));
}

std::optional<FoundJournal> find_journal(Env& env, const std::string& directory) {
  const std::string path = journal_path(directory);
  const auto status = env.status(path, false);
  if (!status) return std::nullopt;
  if (status->kind != FileStatus::Kind::regular) return FoundJournal{};
  return FoundJournal{parse_journal(env.read_text(path, kMaxBytes))};
}

HalfPublished::HalfPublished(std::string directory)
    : Error(ErrorCode::run,
            fmt::format("a publication into '{}' was interrupted and has to be finished first", directory), {},
            {fmt::format("brainsurgery repair '{}' finishes it or takes it back, and says which", directory)}),
      directory_(std::move(directory)) {}

void refuse_half_published(Env& env, const std::string& directory) {
  const auto status = env.status(journal_path(directory), false);
  if (!status) return;
  if (status->kind == FileStatus::Kind::regular) {
    const auto file = env.open(journal_path(directory));
    const std::string harmless = fmt::format("{}\nmode exchange\n", kFirstLine);
    std::string head(static_cast<std::size_t>(std::min(file->status().size, std::ssize(harmless))), ' ');
    file->read(0, std::as_writable_bytes(std::span(head)));
    if (head == harmless) return;
  }
  throw HalfPublished(directory);
}

}  // namespace brainsurgery
