#include "formats/side_files.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>

#include "base/json_text.h"
#include "base/text.h"
#include "formats/dcp.h"
#include "formats/model_family.h"
#include "formats/weights_family.h"
#include "publish/staging.h"

namespace brainsurgery {
namespace {

// Weights of programs whose formats are no Format.
constexpr std::array<std::string_view, 7> kOtherSuffixes{".h5",         ".msgpack", ".ot",     ".onnx",
                                                         ".onnx_data", ".tflite",  ".nemo"};

bool ends_in(std::string_view name, std::span<const std::string_view> suffixes) {
  return std::ranges::any_of(suffixes, [name](std::string_view suffix) { return name.ends_with(suffix); });
}

// "model.safetensors.index.json", also of variants and of other stems.
bool is_index_name(std::string_view name) {
  const std::size_t index = name.find(".index.");
  return index != std::string_view::npos && name.ends_with(".json");
}

// Where a link may lead: below the folder, or to the blobs beside the snapshots of a cache.
class Bounds {
 public:
  Bounds(Env& env, const std::string& root) : env_(env), root_(env.real_path(root.empty() ? "." : root)) {
    const PathParts commit = split_path(root_);
    const PathParts snapshots = split_path(commit.directory);
    if (snapshots.name == "snapshots") blobs_ = join_path(snapshots.directory, "blobs/");
  }
  [[nodiscard]] bool hold(const std::string& path) const {
    const std::string real = env_.real_path(path);
    return real.starts_with(join_path(root_, "")) || (!blobs_.empty() && real.starts_with(blobs_));
  }

 private:
  Env& env_;
  std::string root_, blobs_;
};

void warn(SideFiles& found, const std::vector<std::string>& left_out, std::string_view reason) {
  if (left_out.empty()) return;
  found.warnings.push_back(
      fmt::format("{} is not carried: {}{}", in_quotes(left_out.front()), reason,
                  left_out.size() == 1 ? "" : fmt::format("; the same goes for {} more", left_out.size() - 1)));
}

}  // namespace

bool is_weights_name(const FormatRegistry& formats, const std::string& name) {
  const std::string lower = ascii_lower(name);
  return formats.by_suffix(lower) != nullptr || is_trainer_file(lower) || is_index_name(lower) ||
         lower.starts_with("consolidated") || lower.ends_with(kDcpSuffix) || ends_in(lower, kOtherSuffixes) ||
         ends_in(lower, safetensors_family().suffixes) || ends_in(lower, torch_family().suffixes);
}

SideFiles side_files(Env& env, const FormatRegistry& formats, const Checkpoint& checkpoint) {
  SideFiles found;
  const Bounds bounds(env, checkpoint.root);
  std::vector<std::string> outside, folders;
  for (const std::string& name : env.list(checkpoint.root.empty() ? "." : checkpoint.root)) {
    if (name.starts_with('.') || is_weights_name(formats, name) || name == checkpoint.index ||
        std::ranges::find(checkpoint.files, name) != checkpoint.files.end())
      continue;
    const std::string path = checkpoint.root + name;
    const auto status = env.status(path), entry = env.status(path, false);
    if (status && status->kind == FileStatus::Kind::directory && !name.starts_with("checkpoint-")) folders.push_back(path);
    if (!status || !entry || status->kind != FileStatus::Kind::regular) continue;
    if (!is_valid_utf8(name)) {
      found.warnings.push_back(fmt::format("{} is not carried: its name is not UTF-8", in_quotes(path)));
    } else if (entry->kind == FileStatus::Kind::link && !bounds.hold(path)) {
      outside.push_back(path);
    } else {
      found.names.push_back(name);
    }
  }
  warn(found, outside, "it is a link that leads out of its directory");
  warn(found, folders, "it is a folder; copy it if the model needs it");
  return found;
}

bool matches_glob(const std::string& pattern, const std::string& name) {
  return fnmatch(pattern.c_str(), name.c_str(), FNM_NOESCAPE | FNM_PERIOD | FNM_PATHNAME) == 0;
}

}  // namespace brainsurgery
