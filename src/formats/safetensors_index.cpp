#include "formats/safetensors_index.h"

#include <algorithm>
#include <map>

#include "base/json_text.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "formats/json_cursor.h"
#include "formats/safetensors.h"

namespace brainsurgery {

namespace {

// The path without empty and "." parts; nullopt where it could leave the directory or has not the suffix.
std::optional<std::string> plain_path(std::string_view path, std::string_view suffix) {
  if (path.empty() || path.front() == '/' || !ascii_lower(path).ends_with(suffix)) return std::nullopt;
  if (path.find('\\') != std::string_view::npos || path.find('\0') != std::string_view::npos) return std::nullopt;
  if (path.size() > 1 && path[1] == ':') return std::nullopt;  // a drive letter
  std::string plain;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part == "..") return std::nullopt;
    if (part.empty() || part == ".") continue;
    if (!plain.empty()) plain.push_back('/');
    plain += part;
  }
  return plain;
}

class IndexReader {
 public:
  IndexReader(std::string_view text, std::string shown_path, std::string_view suffix)
      : json_(text, shown_path + ": invalid index"), suffix_(suffix) {
    index_.shown_path = std::move(shown_path);
  }

  SafetensorsIndex read();

 private:
  void read_metadata();
  void read_weight_map();
  [[nodiscard]] std::size_t file_number(std::string_view written, const std::string& tensor);
  void number_files();

  JsonCursor json_;
  std::string suffix_;
  SafetensorsIndex index_;
  std::map<std::string, std::size_t, std::less<>> files_;  // to the order of their first use
  std::string last_written_;
  std::size_t last_number_ = 0;
};

SafetensorsIndex IndexReader::read() {
  bool has_map = false, has_metadata = false;
  if (json_.peek() != JsonCursor::Kind::object) json_.fail("it is not an object");
  json_.enter_object();
  while (const auto key = json_.next_key()) {
    if (*key == "weight_map") {
      if (std::exchange(has_map, true)) json_.fail("'weight_map' appears twice");
      read_weight_map();
    } else if (*key == "metadata") {
      if (std::exchange(has_metadata, true)) json_.fail("'metadata' appears twice");
      read_metadata();
    } else {
      json_.skip_value();
    }
  }
  json_.finish();
  if (!has_map) json_.fail("'weight_map' is missing");
  number_files();
  if (!std::is_sorted(index_.weight_map.begin(), index_.weight_map.end()))
    std::sort(index_.weight_map.begin(), index_.weight_map.end());
  const auto same_name = [](const auto& a, const auto& b) { return a.first == b.first; };
  const auto twice = std::adjacent_find(index_.weight_map.begin(), index_.weight_map.end(), same_name);
  if (twice != index_.weight_map.end()) json_.fail("it names the tensor " + in_quotes(twice->first) + " twice");
  return std::move(index_);
}

// Only the total size is of interest; some tools write it as a float, which says nothing exact.
void IndexReader::read_metadata() {
  if (json_.peek() != JsonCursor::Kind::object) return json_.skip_value();
  json_.enter_object();
  while (const auto key = json_.next_key()) {
    if (*key == "total_size" && json_.peek() == JsonCursor::Kind::number) {
      index_.total_size = json_.unsigned_integer();
    } else {
      json_.skip_value();
    }
  }
}

void IndexReader::read_weight_map() {
  if (json_.peek() != JsonCursor::Kind::object) json_.fail("'weight_map' is not an object");
  json_.enter_object();
  while (const auto key = json_.next_key()) {
    if (index_.weight_map.size() == kMaxTensors) json_.fail("more than " + std::to_string(kMaxTensors) + " tensors");
    std::string name(*key);
    if (json_.peek() != JsonCursor::Kind::string)
      json_.fail("the file of tensor " + in_quotes(name) + " is not a string");
    const std::size_t number = file_number(json_.string(), name);
    index_.weight_map.emplace_back(std::move(name), number);
  }
}

// By the order of its first use. Indexes name a file many times in a row.
std::size_t IndexReader::file_number(std::string_view written, const std::string& tensor) {
  if (!files_.empty() && written == last_written_) return last_number_;
  std::optional<std::string> path = plain_path(written, suffix_);
  if (!path) {
    json_.fail("the file " + in_quotes(written) + " of tensor " + in_quotes(tensor) + " is not the path of a " +
               suffix_ + " file inside the directory");
  }
  last_written_ = written;
  return last_number_ = files_.try_emplace(std::move(*path), files_.size()).first->second;
}

void IndexReader::number_files() {
  std::vector<std::size_t> sorted_place(files_.size());
  for (const auto& [path, number] : files_) {
    sorted_place[number] = index_.files.size();
    index_.files.push_back(path);
  }
  for (auto& entry : index_.weight_map) entry.second = sorted_place[entry.second];
}

struct Tally {
  std::int64_t count = 0;
  const TensorEntry* example = nullptr;

  void add(const TensorEntry& tensor) {
    if (count++ == 0 || tensor.name < example->name) example = &tensor;
  }
};

struct Comparison {
  Tally misplaced, unlisted;
  std::uint64_t bytes = 0;
  bool may_share = false;  // then writers of indexes count differently
};

using WeightMap = decltype(SafetensorsIndex::weight_map);

// As std::lower_bound over the whole map, which is quick where the name stands near behind `hint`.
WeightMap::const_iterator lower_bound_near(const WeightMap& map, WeightMap::const_iterator hint,
                                           std::string_view name) {
  const auto is_below = [&](const auto& entry) { return entry.first < name; };
  if (hint != map.begin() && !is_below(*(hint - 1))) return std::partition_point(map.begin(), hint, is_below);
  auto begin = hint;
  std::ptrdiff_t step = 1;
  for (; map.end() - begin >= step && is_below(begin[step - 1]); step *= 2) begin += step;
  return std::partition_point(begin, map.end() - begin >= step ? begin + step : map.end(), is_below);
}

// Both are sorted for long stretches: the index as a whole, the tensors of a file.
Comparison compare(const SafetensorsIndex& index, const Checkpoint& checkpoint) {
  const WeightMap& map = index.weight_map;
  std::vector<bool> is_held(map.size());
  Comparison result;
  auto at = map.begin();
  for (const TensorEntry& tensor : checkpoint.tensors) {
    result.bytes += static_cast<std::uint64_t>(byte_count(tensor.desc.dtype, tensor.desc.shape));
    result.may_share = result.may_share || tensor.storage.has_value();
    at = lower_bound_near(map, at, tensor.name);
    if (at == map.end() || at->first != tensor.name) {
      result.unlisted.add(tensor);
      continue;
    }
    if (file_name_of(checkpoint, tensor) != index.files[at->second]) result.misplaced.add(tensor);
    is_held[static_cast<std::size_t>(at++ - map.begin())] = true;
  }
  const auto missing = std::ranges::find(is_held, false);
  if (missing == is_held.end()) return result;
  const auto& [name, file] = map[static_cast<std::size_t>(missing - is_held.begin())];
  throw Error(ErrorCode::run, index.shown_path + ": names the tensor " + in_quotes(name) + " in " +
                                  in_quotes(index.files[file]) +
                                  ", but no shard holds it; the index is stale or a shard was replaced");
}

}  // namespace

SafetensorsIndex parse_index(std::string_view text, std::string shown_path, std::string_view suffix) {
  return IndexReader(text, std::move(shown_path), suffix).read();
}

std::vector<std::string> check_against_index(const SafetensorsIndex& index, const Checkpoint& checkpoint) {
  const Comparison found = compare(index, checkpoint);
  std::vector<std::string> warnings;
  const auto where = [&](const TensorEntry& tensor) {
    return "(" + in_quotes(tensor.name) + " in " + in_quotes(file_name_of(checkpoint, tensor)) + ")";
  };
  if (found.misplaced.count > 0) {
    warnings.push_back(index.shown_path + ": " + counted(found.misplaced.count, "tensor") +
                       " found in another shard than the index says " + where(*found.misplaced.example) +
                       "; the shards count");
  }
  if (found.unlisted.count > 0) {
    warnings.push_back(index.shown_path + ": the shards hold " + counted(found.unlisted.count, "tensor") +
                       " that the index does not name " + where(*found.unlisted.example) + "; they are read anyway");
  }
  if (!found.may_share && index.total_size && *index.total_size != found.bytes) {
    warnings.push_back(index.shown_path + ": says that the tensors have " + std::to_string(*index.total_size) +
                       " bytes; they have " + std::to_string(found.bytes));
  }
  return warnings;
}

}  // namespace brainsurgery
