#include "plan/plan_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/sha256.h"
#include "base/spelling.h"
#include "plan/expressions.h"
#include "plan/field_values.h"
#include "plan/hints.h"
#include "plan/modifiers.h"
#include "plan/parameters.h"
#include "plan/path_text.h"

namespace brainsurgery {
namespace {

const std::array<std::string, 4> kTopLevelKeys{"inputs", "transforms", "output", "params"};

constexpr std::array<std::string_view, 2> kCarryWords{"all", "none"};  // as CarryChoice::Kind counts them

}  // namespace

namespace {

SchemaBuilder<PlanOutput> describe_output(const FormatNames& formats) {
  SchemaBuilder<MetadataEdit> metadata("metadata", {"Changes to the metadata pairs that the output carries.", "", ""});
  metadata.texts(&MetadataEdit::set, "set").doc("Keys and their new strings.");
  add_patterns(metadata, &MetadataEdit::drop, "drop").doc("Keys, or patterns of keys, to leave out before any is set.");
  SchemaBuilder<PlanOutput> schema(
      "output",
      {"Where the result is written.", "A path alone is the mapping with that path.", "output: edited.safetensors"});
  add_file_fields(schema, formats);
  schema.text(&PlanOutput::model, "model", Scalar::alias)
      .defaults_to("the model the steps changed")
      .doc("The alias of the model to write.");
  schema.flag(&PlanOutput::overwrite, "overwrite")
      .defaults_to("as --no-overwrite says")
      .doc("Whether an existing target may be replaced.");
  schema.record(&PlanOutput::metadata, "metadata", metadata)
      .defaults_to("that of the model")
      .doc(
          "Changes to the metadata pairs that the output carries: drop is a list of keys or patterns of keys, set a "
          "mapping from keys to strings. Dropping comes first.");
  schema.shorthand("path");
  return schema;
}

struct InputSpec {
  std::string alias, path, digest;
};

// A path or alias::path, or a mapping that may stand for several inputs.
FieldTypePtr inputs_type() {
  SchemaBuilder<InputSpec> repeated("input", {"Inputs that are alike.", "", ""});
  repeated.text(&InputSpec::alias, "alias", Scalar::text).doc("The alias; the values of each may be put in: r${n}.");
  repeated.text(&InputSpec::path, "path", Scalar::path).require().doc("The file or directory.");
  repeated.text(&InputSpec::digest, "digest", Scalar::text)
      .doc("The digest that its content must have, sha256:..., as the command digest prints it.");
  const auto ignored = [](const YamlNode&, const FieldDecoder&, InputSpec&) {};
  repeated.custom("each", mapping_of(scalar(Scalar::any)), ignored)
      .doc("Names and their values, a list or a range such as 0..7: an input for each.");
  FieldType input{OneOfType{{scalar(Scalar::input), record_of(repeated.schema())},
                            [](const YamlNode& value) -> std::size_t { return value.is_mapping() ? 1 : 0; }}};
  input.called = "checkpoint";
  return list_of(std::make_shared<const FieldType>(std::move(input)));
}

// PlanParser decodes the parts of a plan one by one, since a mistake in one of them leaves the others.
template <typename Spec>
void parsed_elsewhere(const YamlNode&, const FieldDecoder&, Spec&) {}

struct InputsSpec {};

}  // namespace

FieldTypePtr carry_type() {
  static const FieldTypePtr type =
      one_of_types({choice_of({kCarryWords.begin(), kCarryWords.end()}), list_of(scalar(Scalar::text), 1)},
                   [](const YamlNode& value) -> std::size_t { return value.is_sequence() ? 1 : 0; });
  return type;
}

std::optional<CarryChoice> decode_carry(const YamlNode& value, const FieldDecoder& decoder) {
  const auto& alternatives = std::get<OneOfType>(carry_type()->shape).alternatives;
  if (value.is_sequence()) {
    auto patterns = decoder.at("", *alternatives[1]).list(value, &FieldDecoder::text);
    if (!patterns) return std::nullopt;
    return CarryChoice{CarryChoice::Kind::chosen, *std::move(patterns)};
  }
  const auto word = decoder.at("", *alternatives[0]).choice(value);
  if (!word) return std::nullopt;
  return CarryChoice{static_cast<CarryChoice::Kind>(*word), {}};
}

YamlPtr to_yaml(const CarryChoice& carry) {
  if (carry.kind != CarryChoice::Kind::chosen)
    return YamlNode::text({}, std::string(kCarryWords[static_cast<std::size_t>(carry.kind)]));
  YamlItems patterns;
  for (const std::string& pattern : carry.patterns) patterns.push_back(YamlNode::text({}, pattern));
  return YamlNode::sequence({}, std::move(patterns));
}

Schema inputs_schema() {
  SchemaBuilder<InputsSpec> schema(
      "inputs", {"The checkpoints: a path, or several as alias::path.",
                 "A file, a directory, FILE#PART for one of several state dicts in a file, or a pattern such as "
                 "'shards/*.pt'. Steps name the tensors of a checkpoint as alias::name; the alias of a single input is "
                 "model unless it is given. An input is opened when a step first looks at its names.",
                 "inputs: [base::tiny_gpt2.safetensors]"});
  schema.custom("checkpoints", inputs_type(), parsed_elsewhere<InputsSpec>).require().doc("The checkpoints.");
  schema.shorthand("checkpoints", true);
  return schema.schema();
}

Schema output_schema(const FormatNames& formats) { return describe_output(formats).schema(); }

Schema plan_schema(const FormatNames& formats) {
  SchemaBuilder<Plan> schema("plan", {"Checkpoints, what is done to them, and where the result goes.", "", ""});
  schema.custom("inputs", inputs_type(), parsed_elsewhere<Plan>)
      .doc("The checkpoints: a path, or several as alias::path. They are opened when they are used.");
  schema.custom("transforms", steps_type(), parsed_elsewhere<Plan>).doc("The steps, done one after another.");
  schema.custom("output", record_of(output_schema(formats)), parsed_elsewhere<Plan>).doc("Where the result is written.");
  schema.allow_own_keys();
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
    for (const auto& [key, value] : root.entries()) parse_names(*key, value);  // inputs may use them
    for (const auto& [key, value] : root.entries()) {
      if (key->text() == "inputs") parse_inputs(*structured(value));
      if (key->text() == "transforms") parse_steps(structured(value));
      if (key->text() == "output") parse_output(*structured(value));
    }
    return plan_;
  }

 private:
  void error(const YamlNode& at, std::string message, std::vector<std::string> notes = {}) {
    diagnostics_.error(at.span(), std::move(message), std::move(notes));
  }

  YamlPtr structured(const YamlPtr& value) { return reported(value, as_structure); }

  template <typename Read>
  YamlPtr reported(const YamlPtr& value, const Read& read) {
    try {
      return read(value);
    } catch (const Error& mistakes) {
      diagnostics_.add(mistakes);
      return YamlNode::null(value->span());
    }
  }

  // The plan's parameters, and keys of the user's own.
  void parse_names(const YamlNode& key, const YamlPtr& value) {
    if (key.text() == "params") {
      for (auto& [name, given] : parameters_of(*structured(value), diagnostics_)) {
        if (!has_parameter(name)) plan_.parameters.emplace_back(name, std::move(given));
      }
    } else if (key.text() != "inputs" && key.text() != "transforms" && key.text() != "output") {
      unknown_top_level(key);
      // In expressions a key wins; one with another sign in it cannot be named there.
      std::erase_if(plan_.parameters, [&key](const auto& parameter) { return parameter.first == key.text(); });
      if (is_formula_name(key.text())) plan_.parameters.emplace_back(key.text(), structured(value));
    }
  }

  [[nodiscard]] bool has_parameter(const std::string& name) const {
    return std::ranges::any_of(plan_.parameters, [&name](const auto& parameter) { return parameter.first == name; });
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
    const bool several = node.items().size() > 1;
    for (std::size_t i = 0; i < node.items().size(); ++i) {
      const YamlPtr item = structured(node.items()[i]);
      const std::string field = fmt::format("inputs[{}]", i);
      if (item->is_mapping()) {
        parse_repeated_input(*item, field, several);
      } else {
        parse_input(*item, field, several);
      }
    }
  }

  // {alias, path, digest, each}
  void parse_repeated_input(const YamlNode& item, const std::string& field, bool several) {
    static const std::vector<std::string> kKeys{"alias", "path", "digest", "each"};
    for (const auto& [key, value] : item.entries()) {
      if (std::ranges::find(kKeys, key->text()) != kKeys.end()) continue;
      std::vector<std::string> notes = did_you_mean(key->text(), kKeys);
      notes.emplace_back("keys of an input: alias, path, digest, each");
      return error(*key, fmt::format("unknown key '{}' of {}", key->text(), field), std::move(notes));
    }
    const YamlPtr path = item.find_ptr("path");
    const YamlPtr alias = item.find_ptr("alias");
    const YamlPtr digest = item.find_ptr("digest");
    if (path == nullptr) return error(item, fmt::format("{}.path is required", field));
    try {
      const ParameterScope parameters(plan_.parameters);
      YamlPtr unknown;
      const std::vector<Variables> rows = combinations(item.find_ptr("each"), field, &parameters, unknown);
      if (unknown != nullptr) return diagnostics_.add(*unknown->mistake());
      for (const Variables& variables : rows) {
        const VariableScope scope(variables, &parameters);
        const YamlPtr named = alias == nullptr ? nullptr : explain(alias, scope);
        const std::size_t before = plan_.inputs.size();
        parse_input(*explain(path, scope), field, several || rows.size() > 1, named.get());
        if (digest != nullptr && plan_.inputs.size() > before) expect_digest(*explain(digest, scope), field);
      }
    } catch (const Error& mistake) {
      diagnostics_.add(mistake);
    }
  }

  // Of the input that was read last.
  void expect_digest(const YamlNode& digest, const std::string& field) {
    if (report_unexplained_names(digest, *scalar(Scalar::text), diagnostics_)) return;
    if (!digest.is_string() || !is_digest(digest.text()))
      return error(digest, fmt::format("{}.digest: '{}' is no digest", field, digest.text()), {std::string(kDigestNote)});
    plan_.inputs.back().digest = digest.text();
  }

  // `alias`: nullptr: the text has it, as alias::path.
  void parse_input(const YamlNode& item, const std::string& path, bool several, const YamlNode* alias = nullptr) {
    static const FieldTypePtr type = scalar(Scalar::input);
    const FieldDecoder field(context_, *type, path);
    if (report_unexplained_names(item, *type, diagnostics_)) return;
    if (!item.is_string() || item.text().empty()) return field.expected(item, "'alias::path' or a path");
    const std::size_t separator = alias != nullptr ? std::string::npos : item.text().find("::");
    PlanInput input;
    input.span = item.span();
    input.path = separator == std::string::npos ? item.text() : item.text().substr(separator + 2);
    input.alias = separator == std::string::npos ? "" : item.text().substr(0, separator);
    if (alias != nullptr) {
      if (report_unexplained_names(*alias, *type, diagnostics_)) return;
      if (!alias->is_string() || alias->text().empty()) return field.expected(*alias, "an alias");
      input.alias = alias->text();
    }
    if (input.path.empty()) return field.fail(item, fmt::format("the path of '{}' is empty", item.text()));
    if (is_cut_path(input.path)) return field.fail(item, kCutPath);
    if (input.alias.empty() && several) {
      return field.fail(item, fmt::format("'{}' needs an alias, as in 'a::{}', since there are several inputs",
                                          item.text(), input.path));
    }
    if (input.alias.empty()) input.alias = "model";
    const auto same = std::ranges::find(plan_.inputs, input.alias, &PlanInput::alias);
    if (same != plan_.inputs.end()) {
      return field.fail(
          item, fmt::format("alias '{}' is used twice; it already means '{}'", input.alias, same->path));
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
    if (node->mistake() != nullptr) {
      diagnostics_.add(*node->mistake());
      plan_.steps.push_back({"", nullptr, node->span()});
    } else if (node->is_string() && !node->text().empty()) {
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
    static const auto decode = describe_output({}).decoder();
    const std::shared_ptr<const PlanOutput> decoded = decode(node, context_, "output");
    if (decoded == nullptr) return;
    plan_.output = *decoded;
    const YamlNode* path = node.find("path");
    plan_.output->span = (path != nullptr ? *path : node).span();
  }

  const std::set<std::string, std::less<>>& referred_keys_;
  Diagnostics& diagnostics_;
  const std::set<std::string, std::less<>> no_aliases_;
  const DecodeContext context_{diagnostics_, std::nullopt, no_aliases_};
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
