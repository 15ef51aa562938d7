#include "plan/plan_file.h"
#include "plan/hints.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/spelling.h"
#include "plan/path_text.h"

namespace brainsurgery {
namespace {

const std::array<std::string, 3> kTopLevelKeys{"inputs", "transforms", "output"};

}  // namespace

Schema output_schema(const FormatNames& formats) {
  SchemaBuilder<PlanOutput> schema(
      "output",
      {"Where the result is written.", "A path alone is the mapping with that path.", "output: edited.safetensors"});
  schema.text(&PlanOutput::path, "path", FieldKind::path)
      .require()
      .doc("A file or a directory; the suffix decides the format.");
  schema.word(&PlanOutput::format, "format", formats.writable)
      .defaults_to("as the path says, else safetensors")
      .doc("The format; numpy is for a single tensor.");
  schema.text(&PlanOutput::shard, "shard", FieldKind::size)
      .defaults_to("--shard-size for a directory")
      .doc("The size of the files of a directory, as in 5GB, or none for a single file.");
  schema.text(&PlanOutput::model, "model", FieldKind::alias)
      .defaults_to("the model the steps changed")
      .doc("The alias of the model to write.");
  schema.flag(&PlanOutput::overwrite, "overwrite")
      .defaults_to("as --no-overwrite says")
      .doc("Whether an existing target may be replaced.");
  schema.choice(&PlanOutput::tied, "tied", {kTiedSpellings.begin(), kTiedSpellings.end()})
      .defaults_to("keep")
      .doc(
          "Names that share all their bytes, in safetensors: keep writes each of them, drop one; the metadata then "
          "list the names left out.");
  schema.choice(&PlanOutput::layout, "layout", {kArrangementSpellings.begin(), kArrangementSpellings.end()})
      .defaults_to("standard")
      .doc(
          "The arrangement of tensors in a safetensors file: standard, as the safetensors library writes them; "
          "aligned, "
          "in the order of the inputs and at offsets where unchanged tensors share the disk blocks of the inputs "
          "(on XFS and Btrfs), which takes neither time nor space.");
  schema
      .custom("metadata", FieldKind::metadata, [](const YamlNode&, const FieldDecoder&, PlanOutput&) {})
      .defaults_to("that of the model")
      .doc(
          "Changes to the metadata pairs that the output carries: drop is a list of keys or patterns of keys, set a "
          "mapping from keys to strings. Dropping comes first.")
      .choices = {"set", "drop"};
  schema.shorthand("path");
  return schema.schema();
}

namespace {

class PlanParser {
 public:
  PlanParser(const std::set<std::string, std::less<>>& referred_keys, Diagnostics& diagnostics)
      : referred_keys_(referred_keys), diagnostics_(diagnostics) {}

  Plan parse(const YamlNode& root) {
    if (root.is_null()) return plan_;
    if (!root.is_mapping()) {
      error(root,
            fmt::format("a plan is a mapping with the keys inputs, transforms and output; found {}", root.describe()));
      return plan_;
    }
    for (const auto& [key, value] : root.entries()) {
      if (key->text() == "inputs") {
        parse_inputs(*structured(value));
      } else if (key->text() == "transforms") {
        parse_steps(structured(value));
      } else if (key->text() == "output") {
        parse_output(*structured(value));
      } else {
        unknown_top_level(*key);
      }
    }
    return plan_;
  }

 private:
  void error(const YamlNode& at, std::string message, std::vector<std::string> notes = {}) {
    diagnostics_.error(at.span(), std::move(message), std::move(notes));
  }

  YamlPtr structured(const YamlPtr& value) { return reported(value, as_structure); }

  YamlPtr typed(const YamlPtr& value) {
    return reported(value, [](const YamlPtr& node) { return node->is_untyped() ? parse_untyped(*node) : node; });
  }

  template <typename Read>
  YamlPtr reported(const YamlPtr& value, const Read& read) {
    try {
      return read(value);
    } catch (const Error& mistakes) {
      diagnostics_.add(mistakes);
      return YamlNode::null(value->span());
    }
  }

  void unknown_top_level(const YamlNode& key) {
    if (key.text().starts_with("x-") || referred_keys_.contains(key.text())) return;
    std::vector<std::string> notes = did_you_mean(key.text(), kTopLevelKeys);
    if (!notes.empty()) {
      error(key, fmt::format("unknown key '{}' of the plan", key.text()), std::move(notes));
    } else {
      notes = section_notes(key.text());
      notes.emplace_back("a key of your own that starts with 'x-' is not warned of");
      diagnostics_.warning(key.span(), fmt::format("key '{}' of the plan is not used", key.text()), std::move(notes));
    }
  }

  void parse_inputs(const YamlNode& node) {
    if (node.is_null()) return;
    if (!node.is_sequence()) {
      error(node, fmt::format("inputs: expected a list, found {}", node.describe()));
      return;
    }
    for (std::size_t i = 0; i < node.items().size(); ++i) parse_input(*node.items()[i], i, node.items().size());
  }

  void parse_input(const YamlNode& item, std::size_t index, std::size_t count) {
    const std::string field = fmt::format("inputs[{}]", index);
    if (!item.is_string() || item.text().empty()) {
      error(item, fmt::format("{}: expected 'alias::path' or a path, found {}", field, item.describe()));
      return;
    }
    const std::size_t separator = item.text().find("::");
    PlanInput input;
    input.span = item.span();
    input.path = separator == std::string::npos ? item.text() : item.text().substr(separator + 2);
    input.alias = separator == std::string::npos ? "" : item.text().substr(0, separator);
    if (input.path.empty()) {
      error(item, fmt::format("{}: the path of '{}' is empty", field, item.text()));
      return;
    }
    if (is_cut_path(input.path)) {
      error(item, fmt::format("{}: {}", field, kCutPath));
      return;
    }
    if (input.alias.empty()) {
      if (count > 1) {
        error(item, fmt::format("{}: '{}' needs an alias, as in 'a::{}', since there are several inputs", field,
                                item.text(), input.path));
        return;
      }
      input.alias = "model";
    }
    const auto same = std::ranges::find(plan_.inputs, input.alias, &PlanInput::alias);
    if (same != plan_.inputs.end()) {
      error(item, fmt::format("{}: alias '{}' is used twice; it already means '{}'", field, input.alias, same->path));
      return;
    }
    plan_.inputs.push_back(std::move(input));
  }

  void parse_steps(const YamlPtr& node) {
    if (node->is_null()) return;
    if (!node->is_sequence()) {
      parse_step(node, 0);
      return;
    }
    for (std::size_t i = 0; i < node->items().size(); ++i) parse_step(structured(node->items()[i]), i);
  }

  void parse_step(const YamlPtr& node, std::size_t index) {
    const std::string field = fmt::format("transforms[{}]", index);
    if (node->is_string() && !node->text().empty()) {
      plan_.steps.push_back({node->text(), YamlNode::null(node->span()), node->span()});
    } else if (node->is_mapping() && node->entries().size() == 1) {
      const auto& [key, payload] = node->entries().front();
      plan_.steps.push_back({key->text(), structured(payload), key->span()});
    } else if (node->is_mapping() && node->entries().size() > 1) {
      error(*node, fmt::format("{}: a step has exactly one command, found {} keys", field, node->entries().size()),
            {"start each step with its own '- '; indent the keys of a command below it"});
      plan_.steps.push_back({"", nullptr, node->span()});
    } else {
      error(*node,
            fmt::format("{}: expected a command with its keys, or its name alone; found {}", field, node->describe()));
      plan_.steps.push_back({"", nullptr, node->span()});
    }
  }

  void parse_output(const YamlNode& node) {
    const bool nothing =
        node.is_null() || (node.is_string() && node.text().empty()) || (node.is_mapping() && node.entries().empty());
    if (nothing) return;
    PlanOutput output;
    if (node.is_string()) {
      output.path = node.text();
      output.span = node.span();
    } else if (node.is_mapping()) {
      if (!parse_output_keys(node, output)) return;
    } else {
      error(node, fmt::format("output: expected a path or a mapping, found {}", node.describe()));
      return;
    }
    if (is_cut_path(output.path)) {
      error(node, fmt::format("output: {}", kCutPath));
      return;
    }
    plan_.output = std::move(output);
  }

  bool parse_output_keys(const YamlNode& node, PlanOutput& output) {
    const int errors_before = diagnostics_.error_count();
    for (const auto& [key, value] : node.entries()) {
      if (key->text() == "path") {
        output.path = text_of(*value, "output.path").value_or("");
        output.span = value->span();
      } else if (key->text() == "format") {
        output.format = text_of(*value, "output.format");
      } else if (key->text() == "shard") {
        output.shard = text_of(*value, "output.shard");
      } else if (key->text() == "model") {
        output.model = text_of(*value, "output.model");
      } else if (key->text() == "overwrite") {
        if (const YamlPtr flag = typed(value); flag->is(YamlKind::boolean)) {
          output.overwrite = flag->boolean();
        } else {
          error(*value, fmt::format("output.overwrite: expected true or false, found {}", value->describe()));
        }
      } else if (key->text() == "tied") {
        output.tied = choice_of<TiedTensors>(*value, "output.tied", kTiedSpellings);
      } else if (key->text() == "metadata") {
        output.metadata = metadata_edit(*structured(value));
      } else if (key->text() == "layout") {
        output.layout = choice_of<FileArrangement>(*value, "output.layout", kArrangementSpellings);
      } else {
        std::vector<std::string> names;
        for (const auto& field : output_schema({}).fields) names.push_back(field->name);
        error(*key, fmt::format("unknown key '{}' of output", key->text()), did_you_mean(key->text(), names));
      }
    }
    if (node.find("path") == nullptr) error(node, "output.path is required");
    return diagnostics_.error_count() == errors_before;
  }

  std::optional<MetadataEdit> metadata_edit(const YamlNode& node) {
    if (node.is_null()) return std::nullopt;
    if (!node.is_mapping()) {
      error(node, fmt::format("output.metadata: expected a mapping with set and drop, found {}", node.describe()));
      return std::nullopt;
    }
    MetadataEdit edit;
    for (const auto& [key, value] : node.entries()) {
      if (key->text() == "set") {
        edit.set = metadata_pairs(*structured(value));
      } else if (key->text() == "drop") {
        edit.drop = metadata_patterns(*structured(value));
      } else {
        const std::vector<std::string> known{"set", "drop"};
        std::vector<std::string> notes = did_you_mean(key->text(), known);
        notes.push_back(fmt::format("keys of output.metadata: {}", fmt::join(known, ", ")));
        error(*key, fmt::format("unknown key '{}' of output.metadata", key->text()), std::move(notes));
      }
    }
    return edit;
  }

  std::vector<std::pair<std::string, std::string>> metadata_pairs(const YamlNode& node) {
    std::vector<std::pair<std::string, std::string>> pairs;
    if (!node.is_mapping() && !node.is_null())
      error(node, fmt::format("output.metadata.set: expected a mapping, found {}", node.describe()));
    for (const auto& [key, value] : node.entries()) {
      if (value->is_string()) {
        pairs.emplace_back(key->text(), value->text());
      } else {
        error(*value,
              fmt::format("output.metadata.set.{}: expected a string, found {}", key->text(), value->describe()),
              {"metadata are strings; put the value in quotes"});
      }
    }
    return pairs;
  }

  std::vector<NamePattern> metadata_patterns(const YamlNode& node) {
    std::vector<NamePattern> patterns;
    if (!node.is_sequence() && !node.is_null())
      error(node, fmt::format("output.metadata.drop: expected a list, found {}", node.describe()));
    for (std::size_t i = 0; i < node.items().size(); ++i) {
      const YamlNode& item = *node.items()[i];
      const std::string field = fmt::format("output.metadata.drop[{}]", i);
      const std::optional<std::string> text = text_of(item, field);
      if (!text) continue;
      try {
        patterns.push_back(NamePattern::compile_regex(*text, field));
      } catch (const Error& mistake) {
        diagnostics_.add(mistake.at(item.span()));
      }
    }
    return patterns;
  }

  // One of the words, which are in the order of the enumeration.
  template <typename Choice>
  std::optional<Choice> choice_of(const YamlNode& value, std::string_view field,
                                  std::span<const std::string_view> words) {
    const auto found = std::ranges::find(words, value.is_string() ? value.text() : "");
    if (found != words.end()) return static_cast<Choice>(found - words.begin());
    error(value, fmt::format("{}: expected {}, found {}", field, fmt::join(words, " or "), value.describe()));
    return std::nullopt;
  }

  std::optional<std::string> text_of(const YamlNode& value, std::string_view field) {
    if (value.is_string() && !value.text().empty()) return value.text();
    error(value, fmt::format("{}: expected a string, found {}", field, value.describe()));
    return std::nullopt;
  }

  const std::set<std::string, std::less<>>& referred_keys_;
  Diagnostics& diagnostics_;
  Plan plan_;
};

}  // namespace

std::optional<std::string> Plan::default_alias() const {
  return inputs.size() == 1 ? std::optional(inputs.front().alias) : std::nullopt;
}

Plan parse_plan(const YamlPtr& root, const std::set<std::string, std::less<>>& referred_keys,
                Diagnostics& diagnostics) {
  return PlanParser(referred_keys, diagnostics).parse(*root);
}

}  // namespace brainsurgery
