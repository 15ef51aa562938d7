// How a command describes itself: its fields, what they mean, and what they do to tensors. Parsing, checking, help and
// documentation are made from this; nothing else knows a command's keys.
//
//   struct ScaleSpec { TensorRef from, to; double by = 1; };
//   SchemaBuilder<ScaleSpec> scale("scale", {"Multiplies by a number.", ...});
//   scale.reference(&ScaleSpec::from, "from", roles::source());
//   scale.reference(&ScaleSpec::to, "to", roles::created());
//   scale.field(&ScaleSpec::by, "by").require().doc("Factor; any number.");
//
// A Schema is immutable once built and may be used from several threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "brainsurgery/error.h"
#include "brainsurgery/tensor_ref.h"
#include "brainsurgery/types.h"

namespace brainsurgery {

class YamlNode;   // a value of a plan with its place
struct Formula;   // what `as` of the step compute is
struct Binding;

// What a reference field does with the tensors that it names. All that binding, previews and completion need to know.
struct Role {
  enum class Names : std::uint8_t {
    pattern,  // selects tensors; the step is done once for each match
    derived,  // a template filled in from the pattern's match
    literal,  // exactly this name
  };
  enum class Policy : std::uint8_t { any, must_exist, must_not_exist };
  Names names = Names::pattern;
  Policy policy = Policy::any;
  bool reads = false;
  bool writes = false;
  bool removes = false;         // the name is gone afterwards
  bool slice = false;           // may carry one
  bool single = false;          // a pattern that must match exactly one tensor
  bool new_alias = false;       // the alias need not exist yet
  bool contributes = false;     // its alias is the one that the step works on; else that of the first that writes
  bool alias_of_first = false;  // written without an alias it has that of the first reference, not the default one
};

namespace roles {
[[nodiscard]] Role source();           // read, sliced or not
[[nodiscard]] Role single_source();    // read; exactly one match
[[nodiscard]] Role paired_source();    // read; named from the match, must exist
[[nodiscard]] Role moved();            // read as a whole and removed
[[nodiscard]] Role deleted();          // removed
[[nodiscard]] Role created();          // written; named from the match, must not exist
[[nodiscard]] Role created_literal();  // written; a literal name, must not exist
[[nodiscard]] Role updated();          // written; named from the match, must exist, sliced or not
[[nodiscard]] Role assigned();         // written; named from the match, new or replaced
[[nodiscard]] Role assigned_part();    // a slice of it is written; named from the match, must exist
[[nodiscard]] Role in_place();         // selects, is read and rewritten, sliced or not
[[nodiscard]] Role in_place_whole();   // the same without slices
[[nodiscard]] Role loaded();           // a literal name, also of a new alias, must not exist
[[nodiscard]] Role saved();            // a literal name, read as a whole
[[nodiscard]] Role taken_apart();      // read as a whole; the alias that results are written to unless they name one
[[nodiscard]] Role result_beside();    // written; named from the match, under the alias of the first reference
}  // namespace roles

// Numbers as written in a plan: a scalar or nested lists of one shape.
struct NumberArray {
  Shape shape;
  std::vector<double> values;                         // row-major
  std::vector<std::optional<std::int64_t>> integers;  // the exact value where it was written as an integer
};

// A number and, where it was written as an integer, its exact value.
struct ExactNumber {
  double value = 0;
  std::optional<std::int64_t> integer;
};

enum class FieldKind : std::uint8_t {
  reference,
  references,
  boolean,
  number,     // as text too
  tolerance,  // a number that is not negative, and no text
  integer,
  integers,
  dtype,
  choice,
  numbers,
  predicate,
  predicates,
  flag,
  path,      // of a file or folder
  alias,     // of a model
  size,      // "5GB", or "none"
  text,      // any
  steps,     // a step or a list of them
  plan,      // a plan as a mapping, or a list of steps
  topic,     // the name of a step, or {step: operator}
  metadata,  // {set: {KEY: TEXT}, drop: [PATTERN]}
  formula,
  mapping,   // of names of the user's choice to values that the field's first part describes
  one_of,    // what one of the field's parts describes
  any_value  // decoded by its own means
};

class PredicateRegistry;
struct Schema;

// Where decoding happens: what is known and where mistakes go.
struct DecodeContext {
  Diagnostics& diagnostics;
  std::optional<std::string> default_alias;
  const std::set<std::string, std::less<>>& known_aliases;
  const PredicateRegistry& predicates;  // for fields that hold assertions
  const Schema* twin = nullptr;         // the step of the same name with or without the underscore, if there is one
};

class FieldDecoder;

// A reference of a decoded spec, and where in its field it stands: "[1]", ".b", or empty.
struct FieldReference {
  const TensorRef* ref;
  std::string within = "";
};

struct Field {
  std::string name;
  FieldKind kind = FieldKind::number;
  std::string docs;
  bool required = false;
  std::string default_text;          // as documented; empty: none
  std::vector<std::string> choices;  // FieldKind::choice
  std::optional<Role> role;          // references; as the defaults of the other fields have it
  bool takes_list = false;           // FieldKind::references
  // Decodes into the spec at `spec`; mistakes go to the decoder.
  std::function<void(const YamlNode& value, const FieldDecoder& decoder, void* spec)> decode;
  // The references of a decoded spec, in order; empty for other kinds.
  std::function<std::vector<FieldReference>(const void* spec)> references;
  std::vector<std::shared_ptr<const Field>> parts = {};          // FieldKind::mapping, one_of
  std::function<std::size_t(const YamlNode& value)> part_taken;  // FieldKind::one_of: which part describes a value
  // Set where the role depends on what else the spec says.
  std::function<Role(const void* spec)> role_by_spec;

  [[nodiscard]] Role role_in(const void* spec) const { return role_by_spec ? role_by_spec(spec) : *role; }

  Field& require() {
    required = true;
    return *this;
  }
  Field& doc(std::string text) {
    docs = std::move(text);
    return *this;
  }
  Field& defaults_to(std::string text) {
    default_text = std::move(text);
    return *this;
  }
};

struct Docs {
  std::string summary;  // one sentence
  std::string details;
  std::string example;     // YAML of one step, for the model that plans/make_tiny_gpt2.yaml makes
  std::string setup = {};  // YAML list of the steps that the example needs before it
};

struct Schema {
  std::string name;
  Docs docs;
  std::vector<std::shared_ptr<Field>> fields;
  // The field that a payload which is no mapping stands for: `exists: REF`.
  const Field* shorthand = nullptr;
  bool shorthand_only = false;            // ... and a mapping is refused
  std::vector<std::string> needs_one_of;  // fields of which at least one has to be there
  std::vector<std::string> elsewhere;     // names that other tools give to the step: for hints alone

  [[nodiscard]] const Field* find(std::string_view key) const;
  // Whether nothing has to be said: the bare name of the command is a step.
  [[nodiscard]] bool may_be_empty() const;
};

// What decoding one field may do. `path` is the field as messages write it, "copy.from".
class FieldDecoder {
 public:
  FieldDecoder(const DecodeContext& context, const Field& field, std::string path)
      : context_(context), field_(field), path_(std::move(path)) {}

  [[nodiscard]] const DecodeContext& context() const { return context_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  void fail(const YamlNode& at, std::string_view message, std::vector<std::string> notes = {}) const;
  // "copy.by: expected a number, found the string 'abc'"
  void expected(const YamlNode& at, std::string_view what) const;

  // nullopt after a mistake was reported. Numbers may be written as numbers, booleans or numeric text.
  [[nodiscard]] std::optional<bool> boolean(const YamlNode& value) const;
  [[nodiscard]] std::optional<double> number(const YamlNode& value) const;
  [[nodiscard]] std::optional<ExactNumber> exact_number(const YamlNode& value) const;
  [[nodiscard]] std::optional<std::int64_t> integer(const YamlNode& value) const;
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(const YamlNode& value) const;
  [[nodiscard]] std::optional<DType> dtype(const YamlNode& value) const;
  [[nodiscard]] std::optional<std::size_t> choice(
      const YamlNode& value) const;  // trimmed, case-insensitive; index into field.choices
  [[nodiscard]] std::optional<NumberArray> numbers(const YamlNode& value) const;
  [[nodiscard]] std::optional<std::string> text(const YamlNode& value) const;  // not empty
  [[nodiscard]] std::optional<bool> flag(const YamlNode& value) const;         // true, false, t, f as text too
  // A non-negative number that is written as one, no text and no boolean: the eps of comparisons.
  [[nodiscard]] std::optional<double> tolerance(const YamlNode& value) const;
  [[nodiscard]] std::optional<TensorRef> reference(const YamlNode& value) const;
  [[nodiscard]] std::optional<std::vector<TensorRef>> references(const YamlNode& value) const;  // a list of references
  [[nodiscard]] std::optional<Formula> formula(const YamlNode& value) const;
  // A mapping; values that begin with '=' are formulas, others references.
  [[nodiscard]] std::optional<std::vector<Binding>> bindings(const YamlNode& value) const;

 private:
  const DecodeContext& context_;
  const Field& field_;
  std::string path_;
};

// Decodes a payload into `spec`: unknown keys (with the nearest one), missing keys, every field. False after mistakes,
// which are reported at their places. `path`: "copy", "assert.equal".
[[nodiscard]] bool decode_payload(const Schema& schema, const YamlNode& payload, const DecodeContext& context,
                                  const std::string& path, void* spec);

// A mistake that involves several fields, found after each was decoded.
struct FieldProblem {
  std::string field;  // empty: it is of the payload as a whole
  std::string message;
};
// At the place of the field in the payload.
void report_problem(const FieldProblem& problem, const YamlNode& payload, const DecodeContext& context,
                    const std::string& path);

template <typename Spec>
class SchemaBuilder {
 public:
  SchemaBuilder(std::string name, Docs docs) {
    schema_.name = std::move(name);
    schema_.docs = std::move(docs);
  }

  Field& reference(TensorRef Spec::*member, std::string name, Role role) {
    Field& field = add(std::move(name), FieldKind::reference, member, &FieldDecoder::reference);
    field.role = role;
    field.references = [member](const void* spec) {
      return std::vector<FieldReference>{{&(static_cast<const Spec*>(spec)->*member)}};
    };
    return field.require();
  }
  Field& reference(std::optional<TensorRef> Spec::*member, std::string name, Role role) {
    Field& field = add(std::move(name), FieldKind::reference, member, &FieldDecoder::reference);
    field.role = role;
    field.references = [member](const void* spec) {
      const std::optional<TensorRef>& ref = static_cast<const Spec*>(spec)->*member;
      return ref ? std::vector<FieldReference>{{&*ref}} : std::vector<FieldReference>();
    };
    return field;
  }
  // Other keys of the spec decide what becomes of the tensor.
  template <typename Member>
  Field& reference(Member Spec::*member, std::string name, std::function<Role(const Spec&)> role) {
    Field& field = reference(member, std::move(name), role(Spec()));
    field.role_by_spec = [role = std::move(role)](const void* spec) { return role(*static_cast<const Spec*>(spec)); };
    return field;
  }
  Field& references(std::vector<TensorRef> Spec::*member, std::string name, Role role) {
    Field& field = add(std::move(name), FieldKind::references, member, &FieldDecoder::references);
    field.role = role;
    field.takes_list = true;
    field.references = [member](const void* spec) {
      std::vector<FieldReference> result;
      for (const TensorRef& ref : static_cast<const Spec*>(spec)->*member)
        result.push_back({&ref, "[" + std::to_string(result.size()) + "]"});
      return result;
    };
    return field.require();
  }
  Field& field(std::optional<Formula> Spec::*member, std::string name) {
    return add(std::move(name), FieldKind::formula, member, &FieldDecoder::formula);
  }
  Field& field(bool Spec::*member, std::string name) {
    return add(std::move(name), FieldKind::boolean, member, &FieldDecoder::boolean);
  }
  Field& field(double Spec::*member, std::string name) {
    return add(std::move(name), FieldKind::number, member, &FieldDecoder::number);
  }
  Field& field(std::optional<double> Spec::*member, std::string name) {
    return add(std::move(name), FieldKind::number, member, &FieldDecoder::number);
  }
  Field& field(std::optional<ExactNumber> Spec::*member, std::string name) {
    return add(std::move(name), FieldKind::number, member, &FieldDecoder::exact_number);
  }
  Field& field(std::int64_t Spec::*member, std::string name) {
    return add(std::move(name), FieldKind::integer, member, &FieldDecoder::integer);
  }
  Field& field(std::optional<std::int64_t> Spec::*member, std::string name) {
    return add(std::move(name), FieldKind::integer, member, &FieldDecoder::integer);
  }
  Field& field(std::vector<std::int64_t> Spec::*member, std::string name) {
    return add(std::move(name), FieldKind::integers, member, &FieldDecoder::integers);
  }
  Field& field(DType Spec::*member, std::string name) {
    return add(std::move(name), FieldKind::dtype, member, &FieldDecoder::dtype);
  }
  Field& field(std::optional<DType> Spec::*member, std::string name) {
    return add(std::move(name), FieldKind::dtype, member, &FieldDecoder::dtype);
  }
  Field& field(std::optional<NumberArray> Spec::*member, std::string name) {
    return add(std::move(name), FieldKind::numbers, member, &FieldDecoder::numbers);
  }
  // `kind`: path, alias, size or text.
  Field& text(std::string Spec::*member, std::string name, FieldKind kind) {
    return add(std::move(name), kind, member, &FieldDecoder::text);
  }
  Field& text(std::optional<std::string> Spec::*member, std::string name, FieldKind kind) {
    return add(std::move(name), kind, member, &FieldDecoder::text);
  }
  Field& flag(bool Spec::*member, std::string name) {
    return add(std::move(name), FieldKind::flag, member, &FieldDecoder::flag);
  }
  Field& flag(std::optional<bool> Spec::*member, std::string name) {
    return add(std::move(name), FieldKind::flag, member, &FieldDecoder::flag);
  }
  Field& tolerance(std::optional<double> Spec::*member, std::string name) {
    return add(std::move(name), FieldKind::tolerance, member, &FieldDecoder::tolerance);
  }
  // `values` are the choices in the order of the enumerators of Enum, which count from 0.
  template <typename Enum>
  Field& choice(Enum Spec::*member, std::string name, std::vector<std::string> values) {
    return add_choice<Enum>(member, std::move(name), std::move(values));
  }
  template <typename Enum>
  Field& choice(std::optional<Enum> Spec::*member, std::string name, std::vector<std::string> values) {
    return add_choice<Enum>(member, std::move(name), std::move(values));
  }
  // One of `values`, as they are spelt there.
  Field& word(std::optional<std::string> Spec::*member, std::string name, std::vector<std::string> values) {
    Field& field = add_field(std::move(name), FieldKind::choice);
    field.decode = [member, values](const YamlNode& value, const FieldDecoder& decoder, void* spec) {
      if (const auto index = decoder.choice(value)) static_cast<Spec*>(spec)->*member = values[*index];
    };
    field.choices = std::move(values);
    return field;
  }
  // A field that is decoded by other means.
  Field& custom(std::string name, FieldKind kind,
                std::function<void(const YamlNode&, const FieldDecoder&, Spec&)> decode) {
    Field& field = add_field(std::move(name), kind);
    field.decode = [decode = std::move(decode)](const YamlNode& value, const FieldDecoder& decoder, void* spec) {
      decode(value, decoder, *static_cast<Spec*>(spec));
    };
    return field;
  }
  // A payload that is no mapping is the value of this field.
  void shorthand(std::string_view field, bool only = false) {
    schema_.shorthand = schema_.find(field);
    schema_.shorthand_only = only;
  }
  void called_elsewhere(std::vector<std::string> names) { schema_.elsewhere = std::move(names); }
  void needs_one_of(std::vector<std::string> fields) { schema_.needs_one_of = std::move(fields); }
  // `problem` may complete the spec with what follows from its fields.
  void check(std::function<std::optional<FieldProblem>(Spec&)> problem) { problem_ = std::move(problem); }

  [[nodiscard]] Schema schema() const { return schema_; }

  // nullptr after mistakes, which are reported.
  using Decode = std::function<std::shared_ptr<const Spec>(const YamlNode& payload, const DecodeContext& context,
                                                           const std::string& path)>;
  [[nodiscard]] Decode decoder() const {
    return [schema = schema_, problem = problem_](const YamlNode& payload, const DecodeContext& context,
                                                  const std::string& path) {
      auto spec = std::make_shared<Spec>();
      if (!decode_payload(schema, payload, context, path, spec.get())) return std::shared_ptr<const Spec>();
      if (problem) {
        if (const std::optional<FieldProblem> found = problem(*spec)) {
          report_problem(*found, payload, context, path);
          return std::shared_ptr<const Spec>();
        }
      }
      return std::shared_ptr<const Spec>(std::move(spec));
    };
  }

 private:
  Field& add_field(std::string name, FieldKind kind) {
    schema_.fields.push_back(std::make_shared<Field>());
    schema_.fields.back()->name = std::move(name);
    schema_.fields.back()->kind = kind;
    return *schema_.fields.back();
  }
  template <typename Enum, typename Member>
  Field& add_choice(Member Spec::*member, std::string name, std::vector<std::string> values) {
    Field& field = add_field(std::move(name), FieldKind::choice);
    field.choices = std::move(values);
    field.decode = [member](const YamlNode& value, const FieldDecoder& decoder, void* spec) {
      if (const auto index = decoder.choice(value)) static_cast<Spec*>(spec)->*member = static_cast<Enum>(*index);
    };
    return field;
  }
  template <typename Member, typename Value>
  Field& add(std::string name, FieldKind kind, Member Spec::*member,
             std::optional<Value> (FieldDecoder::*decode)(const YamlNode&) const) {
    Field& field = add_field(std::move(name), kind);
    field.decode = [member, decode](const YamlNode& value, const FieldDecoder& decoder, void* spec) {
      if (auto decoded = (decoder.*decode)(value)) static_cast<Spec*>(spec)->*member = *std::move(decoded);
    };
    return field;
  }

  Schema schema_;
  std::function<std::optional<FieldProblem>(Spec&)> problem_;
};

}  // namespace brainsurgery
