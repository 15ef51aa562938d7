// A plan: inputs, steps and an output, each with its place in the text. What the steps mean is not looked at here.
//
//   Plan plan = parse_plan(config.root, config.referred_keys, diagnostics);   // config_items.h
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "brainsurgery/schema.h"
#include "plan/name_pattern.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

struct PlanInput {
  std::string alias;
  std::string path;
  SourceSpan span;
  std::optional<std::string> digest = {};  // that its content must have, as written
};

struct PlanStep {
  std::string command;
  YamlPtr payload;  // a null node for a bare name; nullptr for a step that could not be read, which was reported
  SourceSpan span;  // of the command
};

// What becomes of names that share all their bytes where a format cannot say that they do.
enum class TiedTensors : std::uint8_t {
  keep,  // each name has bytes of its own
  drop,  // one name stays; the metadata say which one it stands for
};
inline constexpr std::array<std::string_view, 2> kTiedSpellings{"keep", "drop"};

// Where in a file the tensors stand.
enum class FileArrangement : std::uint8_t {
  standard,  // as the format's own library writes them
  aligned,   // so that the file system can share what is unchanged with the inputs
};
inline constexpr std::array<std::string_view, 2> kArrangementSpellings{"standard", "aligned"};

// What becomes of the metadata pairs that the output would carry: first some are dropped, then some are set.
struct MetadataEdit {
  std::vector<NamePattern> drop;                         // of keys
  std::vector<std::pair<std::string, std::string>> set;  // in the order of the plan
};

// Which files that are not weights a directory takes over from the folder of the model.
struct CarryChoice {
  enum class Kind : std::uint8_t { all, none, chosen } kind = Kind::all;
  std::vector<std::string> patterns = {};  // chosen: globs of their names
};

// A file or a directory to write, as the output of a plan and steps that save say it.
struct FileTarget {
  std::string path;
  std::optional<std::string> format;  // the name of a Format
  std::optional<std::string> shard;   // as written: a size, or "none"
  std::optional<TiedTensors> tied;
  std::optional<FileArrangement> layout;
  std::optional<CarryChoice> carry;
  std::optional<std::string> expect;  // the digest that its content must have, as written
  std::optional<bool> adjust;  // whether config.json follows the tensors; written `auto`
};

// The choice as plans spell it.
[[nodiscard]] YamlPtr to_yaml(const CarryChoice& carry);

struct PlanOutput : FileTarget {
  std::optional<std::string> model;  // the alias to write
  std::optional<bool> overwrite;
  std::optional<MetadataEdit> metadata;
  SourceSpan span;  // of the path
};

// Immutable once parsed.
struct Plan {
  std::vector<PlanInput> inputs;
  std::vector<PlanStep> steps;
  std::optional<PlanOutput> output;
  // The values of parameters and of the user's own keys, for expressions. Those that need a model or a file are open
  // (is_open): their expressions are still to be evaluated.
  std::vector<std::pair<std::string, YamlPtr>> parameters;

  // The alias that references without one mean: that of the only input.
  [[nodiscard]] std::optional<std::string> default_alias() const;
};

// The formats that plans may name, in the order in which they are listed. Which there are, the room `formats` knows.
struct FormatNames {
  std::vector<std::string> readable;  // of single files
  std::vector<std::string> writable;
};

// The fields of a FileTarget. Without formats any word is taken for one.
template <typename Spec>
void add_file_fields(SchemaBuilder<Spec>& schema, const FormatNames& formats);
// What `carry` takes, and what it says.
[[nodiscard]] FieldTypePtr carry_type();
[[nodiscard]] std::optional<CarryChoice> decode_carry(const YamlNode& value, const FieldDecoder& decoder);

// How the parts of a plan describe themselves: "inputs", "output", and "plan", which has these and the steps.
[[nodiscard]] Schema inputs_schema();
[[nodiscard]] Schema output_schema(const FormatNames& formats);
[[nodiscard]] Schema plan_schema(const FormatNames& formats);

// What could be read of the plan; mistakes are reported, and the parts that hold them left out. Of the keys at the top
// that are the user's own, those in `referred_keys` are in use.
[[nodiscard]] Plan parse_plan(const YamlPtr& root, const std::set<std::string, std::less<>>& referred_keys,
                              Diagnostics& diagnostics);

template <typename Spec>
void add_file_fields(SchemaBuilder<Spec>& schema, const FormatNames& formats) {
  schema.text(&Spec::path, "path", Scalar::path)
      .require()
      .doc("A file or a directory to write; the suffix decides the format.");
  Field& format = formats.writable.empty() ? schema.text(&Spec::format, "format", Scalar::text)
                                           : schema.word(&Spec::format, "format", formats.writable);
  format.defaults_to("as the path says, else safetensors").doc("The format; numpy is for a single tensor.");
  schema.text(&Spec::shard, "shard", Scalar::size)
      .defaults_to("--shard-size for a directory")
      .doc("The size of the files of a directory, as in 5GB, or none for a single file.");
  schema
      .choice(static_cast<std::optional<TiedTensors> Spec::*>(&Spec::tied), "tied",
              {kTiedSpellings.begin(), kTiedSpellings.end()})
      .defaults_to("keep")
      .doc(
          "Names that share all their bytes, in safetensors: keep writes each of them, drop one; the metadata then "
          "list the names left out.");
  schema
      .choice(static_cast<std::optional<FileArrangement> Spec::*>(&Spec::layout), "layout",
              {kArrangementSpellings.begin(), kArrangementSpellings.end()})
      .defaults_to("standard")
      .doc(
          "The arrangement of tensors in a safetensors file: standard, as the safetensors library writes them; "
          "aligned, in the order of the inputs and at offsets where unchanged tensors share the disk blocks of the "
          "inputs (on XFS and Btrfs), which takes neither time nor space.");
  schema
      .custom("carry", carry_type(),
              [](const YamlNode& value, const FieldDecoder& decoder, Spec& spec) {
                spec.carry = decode_carry(value, decoder);
              })
      .defaults_to("all of a model that was opened from a directory, or from a file beside a config.json")
      .doc(
          "The files of the model's folder that a directory takes over, weights aside: all, none, or a list of "
          "patterns such as 'tokenizer*'.");
  schema.flag(static_cast<std::optional<bool> Spec::*>(&Spec::adjust), "auto")
      .defaults_to("true")
      .doc("Whether the config.json that a directory takes over follows the tensors: layers, vocabulary, dtype, ...");
  schema.text(&Spec::expect, "expect", Scalar::text)
      .doc(
          "The digest that the content must have, sha256:..., as the command digest prints it; with another one nothing "
          "is published.");
}

}  // namespace brainsurgery
