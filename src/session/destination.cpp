#include "session/destination.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/sha256.h"
#include "base/text.h"
#include "base/units.h"
#include "brainsurgery/error.h"
#include "formats/safetensors.h"
#include "publish/staging.h"

namespace brainsurgery {

void refuse_target(const WriteTarget& target, const std::string& message, std::vector<std::string> notes) {
  throw Error(ErrorCode::plan, fmt::format("{}: {}", target.where, message), target.place.span, std::move(notes));
}

namespace {

// `where`: the field or option that gave the text.
std::optional<std::int64_t> parse_shard(const std::string& where, const SourceSpan& span, const std::string& text) {
  if (text == "none") return std::nullopt;
  const std::optional<std::int64_t> size = parse_size(text);
  if (!size) {
    throw Error(ErrorCode::plan,
                fmt::format("{}: '{}' is not a size; write an integer and a unit, as in 5GB, or none", where, text),
                span);
  }
  if (*size == 0) throw Error(ErrorCode::plan, fmt::format("{}: the size '{}' must be positive", where, text), span);
  return size;
}

// The format that is named, else that of the suffix, else safetensors.
const Format& choose_format(const WriteTarget& target, const FormatRegistry& formats, bool is_directory) {
  const PlanOutput& output = target.place;
  if (output.format) {
    const Format* format = formats.by_name(ascii_lower(trim(*output.format)));
    if (format == nullptr || !format->is_writable())
      refuse_target(target, fmt::format("format: expected one of {}, found '{}'",
                                        fmt::join(formats.writable_names(), ", "), *output.format));
    return *format;
  }
  const Format* by_suffix = is_directory ? nullptr : formats.by_suffix(output.path);
  return by_suffix != nullptr && by_suffix->is_writable() ? *by_suffix : *formats.by_name("safetensors");
}

std::vector<std::string_view> writable_suffixes(const FormatRegistry& formats) {
  std::vector<std::string_view> suffixes;
  for (const Format& format : formats.formats()) {
    if (format.is_writable()) suffixes.insert(suffixes.end(), format.suffixes.begin(), format.suffixes.end());
  }
  return suffixes;
}

// ".safetensors" of "out/Model.SAFETENSORS"; hidden names have none by their first point.
std::string suffix_of(const std::string& path) {
  const std::string name = split_path(path).name;
  const std::size_t point = name.rfind('.');
  return point == std::string::npos || point == 0 || name == ".." ? "" : ascii_lower(name.substr(point));
}

constexpr std::size_t kNameBytes = 255, kPathBytes = 4096;  // NAME_MAX, PATH_MAX
constexpr std::size_t kShownBytes = 40;

void refuse_unusable_names(const WriteTarget& target) {
  const std::string& path = target.place.path;
  if (const std::optional<std::string> name = housekeeping_name_in(path))
    refuse_target(target, fmt::format("'{}': names like '{}' are kept for unfinished publications", path, *name));
  if (path.size() >= kPathBytes)
    refuse_target(target, fmt::format("the path has {} bytes; the system takes {}", path.size(), kPathBytes - 1));
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (end - begin > kNameBytes) {
      refuse_target(target, fmt::format("'{}...' has {} bytes; file systems take names of {}",
                                        path.substr(begin, kShownBytes), end - begin, kNameBytes));
    }
    begin = end + 1;
  }
}

}  // namespace

Destination choose_destination(Env& env, const FormatRegistry& formats, const WriteTarget& target,
                               const std::string& default_shard) {
  refuse_unusable_names(target);
  const PlanOutput& output = target.place;
  if (output.expect && !is_digest(*output.expect))
    refuse_target(target, fmt::format("expect: '{}' is no digest", *output.expect), {std::string(kDigestNote)});
  const std::string suffix = suffix_of(output.path);
  const std::optional<FileStatus> status = env.status(output.path);
  const bool is_directory = (status && status->kind == FileStatus::Kind::directory) || output.path.ends_with('/');
  const Format& format = choose_format(target, formats, is_directory);
  const bool is_known = std::ranges::find(format.suffixes, suffix) != format.suffixes.end();
  const bool makes_one_file = target.single_tensor || !format.has_index;
  // A format that is named wins over the suffix; a single tensor needs no suffix either.
  const bool any_suffix = format.layout_directory == nullptr &&
                          (suffix.empty() ? target.format_wins && makes_one_file : output.format.has_value());
  const bool makes_directory = format.layout_directory != nullptr && formats.by_suffix(output.path) == nullptr;
  Destination destination{&format, is_directory || makes_directory || (suffix.empty() && !any_suffix), std::nullopt};
  if (output.shard)
    destination.shard_bytes = parse_shard(fmt::format("{}: shard", target.where), output.span, *output.shard);
  if (destination.shard_bytes && !format.has_index)
    refuse_target(target, fmt::format("shard: a {} checkpoint is not cut into shards", format.name));
  if (target.single_tensor && is_directory) refuse_target(target, fmt::format("'{}' is a directory", output.path));
  if (target.single_tensor && format.layout_directory != nullptr)
    refuse_target(target, fmt::format("format: {} is for whole models, not for single tensors", format.name));
  if (destination.directory && status && !is_directory) {
    refuse_target(target, fmt::format("'{}' exists and is not a directory", output.path),
                  {"end the path in .safetensors for a single file"});
  }
  if (format.layout_directory != nullptr && !destination.directory) {
    refuse_target(target, fmt::format("'{}': a {} checkpoint is a directory", output.path, format.name),
                  {"leave the suffix out"});
  }
  if (format.layout_directory == nullptr && destination.directory && !format.has_index) {
    refuse_target(target, fmt::format("'{}': a {} checkpoint is a single file", output.path, format.name),
                  {fmt::format("end the path in {}", fmt::join(format.suffixes, " or "))});
  }
  if (!destination.directory && !any_suffix && !is_known) {
    refuse_target(target, fmt::format("unknown file suffix '{}' of '{}'", suffix, output.path),
                  {fmt::format("known suffixes: {}", fmt::join(writable_suffixes(formats), ", ")),
                   "with 'format' any suffix may be used; a path without one is a directory"});
  }
  if (!destination.directory && is_called_safetensors(output.path) && format.name != "safetensors") {
    refuse_target(target,
                  fmt::format("'{}': a {} checkpoint cannot have this suffix, which readers refuse for other formats",
                              output.path, format.name),
                  {fmt::format("usual suffixes: {}", fmt::join(format.suffixes, ", "))});
  }
  if (destination.shard_bytes && !destination.directory)
    refuse_target(target, fmt::format("shard: '{}' is a single file; sharding needs a directory", output.path));
  if (output.tied == TiedTensors::drop && !format.shares_contents && !format.records_ties)
    refuse_target(target, fmt::format("tied: a {} checkpoint cannot say which names it leaves out", format.name));
  if (output.metadata && !output.metadata->set.empty() && !format.has_metadata)
    refuse_target(target, fmt::format("metadata: a {} checkpoint has no place for metadata", format.name));
  if (output.layout == FileArrangement::aligned && !format.arranges)
    refuse_target(target, fmt::format("layout: aligned is for safetensors, not for a {} checkpoint", format.name));
  if (!output.shard && destination.directory && format.has_index)
    destination.shard_bytes = parse_shard("--shard-size", {}, default_shard);
  return destination;
}

}  // namespace brainsurgery
