#include "plan/interpolation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_set>

#include "base/interrupt.h"
#include "base/spelling.h"
#include "base/text.h"
#include "plan/config_path.h"
#include "plan/expressions.h"
#include "plan/interpolation_syntax.h"
#include "plan/parameters.h"
#include "plan/structured_pattern.h"
#include "plan/tree_walks.h"
#include "plan/yaml_text.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kMaxNodes = 1'000'000;
constexpr std::size_t kMaxText = std::size_t{16} << 20;
constexpr int kMaxDepth = 200;  // nested values and references together
constexpr std::string_view kSteps = "transforms";
constexpr std::string_view kParameters = "params";
constexpr std::string_view kInputs = "inputs";

class Interpolator {
 public:
  Interpolator(const YamlPtr& root, const VariableLookup& environment, Diagnostics& diagnostics)
      : root_(root), environment_(environment), diagnostics_(diagnostics) {}

  std::optional<Config> run() {
    if (!holds_interpolation(*root_)) return Config{root_, {}};
    const YamlPtr result = resolve(root_);
    if (lacks_values_) report_lacking_values(*root_->find(kParameters), diagnostics_);
    if (result == nullptr || has_unexplained_names(*result)) return std::nullopt;
    return Config{result, std::move(referred_)};
  }

 private:
  // Where a text is being worked on.
  struct Scalar {
    const YamlNode& node;
    std::shared_ptr<const Diagnostic>* unexplained;  // takes the mistake of a name; nullptr: it is reported
  };
  // nullopt: reported. A reference's whole value, or an interpolation that stays, as text.
  using Value = std::optional<std::variant<YamlPtr, std::string>>;

  std::nullopt_t fail(const YamlNode& at, std::string message, std::vector<std::string> notes = {}) {
    if (reported_.insert(&at).second) diagnostics_.error(at.span(), std::move(message), std::move(notes));
    return std::nullopt;
  }

  // The value of a node that stands at path_; nullptr: reported.
  YamlPtr resolve(const YamlPtr& node) {
    throw_if_interrupted();
    if (depth_ >= kMaxDepth) {
      (void)fail(*node, fmt::format("values and what they refer to are nested more than {} deep", kMaxDepth));
      return nullptr;
    }
    ++depth_;
    YamlPtr result = node;
    if (node->is_string()) result = resolve_text(node);
    if (node->is_sequence()) result = resolve_list(node);
    if (node->is_mapping()) result = resolve_mapping(node);
    --depth_;
    return result;
  }

  YamlPtr resolve_child(const YamlNode& container, std::string step, const YamlPtr& child) {
    path_.push_back({&container, std::move(step)});
    YamlPtr result = resolve(child);
    path_.pop_back();
    return result;
  }

  YamlPtr resolve_list(const YamlPtr& node) {
    YamlItems items = node->items();
    bool good = true;
    for (std::size_t i = 0; i < items.size(); ++i) {
      items[i] = resolve_child(*node, std::to_string(i), items[i]);
      good = good && items[i] != nullptr;
    }
    if (!good || items == node->items()) return good ? node : nullptr;
    return YamlNode::sequence(node->span(), std::move(items));
  }

  YamlPtr resolve_mapping(const YamlPtr& node) {
    YamlEntries entries = node->entries();
    bool good = true;
    for (auto& [key, value] : entries) {
      value = resolve_child(*node, key->text(), value);
      good = good && value != nullptr;
    }
    if (!good || entries == node->entries()) return good ? node : nullptr;
    return YamlNode::mapping(node->span(), std::move(entries));
  }

  YamlPtr resolve_text(const YamlPtr& node) {
    if (node->text() == kMissingValue) {
      (void)fail(*node, fmt::format("the value of '{}' is missing", shown(path_)),
                 {fmt::format("give it by an argument, {}=VALUE", shown(path_))});
      return nullptr;
    }
    if (node->text().find("${") == std::string::npos) return node;
    try {
      std::shared_ptr<const Diagnostic> unexplained;
      const Value value = expand(parse_template(node->text()), {*node, &unexplained});
      if (!value) return nullptr;
      if (const YamlPtr* whole = std::get_if<YamlPtr>(&*value)) return *whole;
      const std::string& text = std::get<std::string>(*value);
      if (unexplained != nullptr) return YamlNode::unexplained(*node, text, std::move(unexplained));
      if (text == node->text()) return node;
      return node->is_untyped() ? YamlNode::untyped(node->span(), text) : YamlNode::text(node->span(), text);
    } catch (const Error& error) {
      (void)fail(*node, error.diagnostics().front().message, error.diagnostics().front().notes);
      return nullptr;
    }
  }

  static bool has_names_of_its_own(std::string_view key) {
    return key == kSteps || key == kParameters || key == kInputs;
  }

  // The names of steps, parameters and inputs are seen when these are decoded. A mistake that several values refer to is
  // reported once.
  bool has_unexplained_names(const YamlNode& root) {
    std::vector<const Diagnostic*> mistakes;
    for (const auto& [key, value] : root.entries()) {
      if (!has_names_of_its_own(key->text())) collect_mistakes(*value, mistakes);
    }
    std::set<std::tuple<int, int, std::string_view>> reported;
    for (const Diagnostic* mistake : mistakes) {
      if (reported.emplace(mistake->span.line, mistake->span.column, mistake->message).second)
        diagnostics_.add(*mistake);
    }
    return !mistakes.empty();
  }

  // A list's entry may hold a capture of the same name.
  void warn_of_capture(const std::string& name, const Interpolation& interpolation, const YamlNode& node) {
    const bool in_list = !path_.empty() && path_.back().container->is_sequence();
    if (!in_list && !(node.is_untyped() && node.text().starts_with('['))) return;
    const YamlNode* around = mappings_around(path_);
    if (around == nullptr || !captures(*around, name)) return;
    diagnostics_.warning(
        node.span(),
        fmt::format("'{}' is the plan's key '{}' here, not the capture of that name", interpolation.text, name),
        {fmt::format("rename one of them, or write ${} where the capture is meant", name)});
  }

  // A template that is one reference gives its value, any other a text.
  Value expand(const TextTemplate& parts, const Scalar& scalar) {
    if (parts.size() == 1 && std::holds_alternative<std::shared_ptr<const Interpolation>>(parts[0])) {
      return evaluate(*std::get<std::shared_ptr<const Interpolation>>(parts[0]), scalar);
    }
    const std::optional<std::string> text = expand_text(parts, scalar);
    return text ? Value(*text) : std::nullopt;
  }

  // The text; where names stay unexplained, as a template that is to be read once more.
  std::optional<std::string> expand_text(const TextTemplate& parts, const Scalar& scalar) {
    std::string result, open;
    const auto add = [&result, &open](std::string_view text) {
      result += text;
      open += escaped_literal(text);
    };
    for (const auto& part : parts) {
      if (const auto* literal = std::get_if<std::string>(&part)) {
        add(*literal);
        continue;
      }
      const Interpolation& interpolation = *std::get<std::shared_ptr<const Interpolation>>(part);
      const Value value = evaluate(interpolation, scalar);
      if (!value) return std::nullopt;
      if (const YamlPtr* node = std::get_if<YamlPtr>(&*value)) {
        if ((*node)->mistake() != nullptr && scalar.unexplained != nullptr) {
          *scalar.unexplained = (*node)->mistake();
          append_interpolation(open, (*node)->text());
          continue;
        }
        if ((*node)->is_null() || (*node)->is_sequence() || (*node)->is_mapping()) {
          return fail(scalar.node, fmt::format("'{}' cannot be part of a string: it is {}", interpolation.text,
                                               (*node)->describe()));
        }
        add((*node)->text());
      } else {
        append_interpolation(open, std::get<std::string>(*value));
      }
      if (result.size() + open.size() > kMaxText) break;
    }
    if (scalar.unexplained != nullptr && *scalar.unexplained != nullptr) result = std::move(open);
    text_bytes_ += result.size();
    if (text_bytes_ > kMaxText)
      return fail(scalar.node, fmt::format("interpolation makes more than {} bytes of text", kMaxText));
    return result;
  }

  Value evaluate(const Interpolation& interpolation, const Scalar& scalar) {
    const std::optional<std::string> head = expand_text(interpolation.head, {scalar.node, nullptr});
    if (!head) return std::nullopt;
    const std::string resolver(trim(*head));
    if (interpolation.arguments && resolver == "oc.env") return variable(interpolation, scalar);
    std::optional<ReferencePath> reference;
    if (!interpolation.arguments) reference = path_of(*head);
    const bool is_value = reference && value_of_name(*root_, reference->steps[0]) != nullptr;
    if (is_value && reference->up == 0 && reference->steps.size() == 1)
      warn_of_capture(reference->steps[0], interpolation, scalar.node);
    if (reference && leads_somewhere(*reference, scalar)) {
      YamlPtr found = follow(*reference, interpolation, scalar);
      if (found == nullptr) return std::nullopt;
      return found;
    }
    // Of a path that leads nowhere the path is the mistake.
    const bool is_path = is_value;
    if (const std::optional<Expression> expression = expression_of(interpolation, scalar.node)) {
      if (const std::optional<Value> value = expression_value(*expression, is_path, interpolation, scalar)) return *value;
    }
    if (interpolation.arguments && scalar.unexplained != nullptr && is_variable_name(resolver))
      return stays(unknown_resolver(interpolation, resolver, scalar), interpolation, scalar);
    if (interpolation.arguments) {
      const Diagnostic mistake = unknown_resolver(interpolation, resolver, scalar);
      return fail(scalar.node, mistake.message, mistake.notes);
    }
    if (head->find_first_of("+-*/%<>=()'\"") != std::string::npos)
      static_cast<void>(parse_formula({*head, fmt::format("'{}'", interpolation.text)}));  // says what is wrong with it
    ReferencePath path = parse_reference_path(*head);
    YamlPtr found = follow(path, interpolation, scalar);
    if (found == nullptr) return std::nullopt;
    return found;
  }

  static std::optional<ReferencePath> path_of(const std::string& head) {
    try {
      return parse_reference_path(head);
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  // Whether there is something at the path, as far as it can be followed: only the value of its first name is evaluated.
  [[nodiscard]] bool leads_somewhere(const ReferencePath& reference, const Scalar& from) {
    if (reference.up > 0) return true;
    YamlPtr current = value_of_name(*root_, reference.steps[0]);
    if (current == nullptr) return false;
    if (current->is_string() && reference.steps.size() > 1) current = named_value(reference.steps[0], from);
    if (current != nullptr && current->mistake() != nullptr) return false;  // an expression that is evaluated later
    for (std::size_t i = 1; i < reference.steps.size() && current != nullptr; ++i) {
      if (current->is_string()) return true;
      current = child_at(*current, reference.steps[i]);
    }
    return current != nullptr;
  }

  // The interpolation is left to whoever knows more names.
  static Value stays(Diagnostic mistake, const Interpolation& interpolation, const Scalar& scalar) {
    *scalar.unexplained = std::make_shared<const Diagnostic>(std::move(mistake));
    return interpolation.text;
  }

  static Diagnostic unknown_resolver(const Interpolation& interpolation, const std::string& resolver,
                                     const Scalar& scalar) {
    return {Severity::error,
            scalar.node.span(),
            fmt::format("'{}': unknown resolver '{}'; the only one is oc.env", interpolation.text, resolver),
            {"behind a colon stands the format of a number, as in ${i:02d}, or, in a pattern, what a name matches, as in "
             "${p:gate|up}"}};
  }

  // The plan's values by name, for expressions.
  class Names : public ValueScope {
   public:
    Names(Interpolator& interpolator, const Scalar& from) : interpolator_(interpolator), from_(from) {}
    [[nodiscard]] bool knows(std::string_view name) const override { return node(name) != nullptr; }
    [[nodiscard]] std::optional<PlanValue> value(std::string_view name) const override {
      const YamlPtr found = node(name);
      return found == nullptr ? std::nullopt : std::optional(value_of(*found));
    }
    [[nodiscard]] std::vector<std::string> names() const override { return names_of(*interpolator_.root_); }

   private:
    // nullptr: there is none, or one that is not explained itself.
    [[nodiscard]] YamlPtr node(std::string_view name) const {
      const YamlPtr found = interpolator_.named_value(std::string(name), from_);
      std::vector<const Diagnostic*> mistakes;
      if (found != nullptr) collect_mistakes(*found, mistakes);
      return mistakes.empty() ? found : nullptr;
    }
    Interpolator& interpolator_;
    const Scalar& from_;
  };

  // The value of a key or a parameter; nullptr: there is none, or it has a mistake, which was reported.
  YamlPtr named_value(const std::string& name, const Scalar& from) {
    ConfigPath path = path_of_name(*root_, name);
    if (path.empty()) return nullptr;
    const YamlPtr found = path.back().container->find_ptr(path.back().step);
    referred_.insert(path.front().step);
    const YamlPtr resolved = resolve_at(std::move(path), found, from);
    return resolved == nullptr ? nullptr : as_structure(resolved);
  }

  // nullopt: it has none, and `is_path` says that it may be a path.
  std::optional<Value> expression_value(const Expression& expression, bool is_path, const Interpolation& interpolation,
                                        const Scalar& scalar) {
    const Names names(*this, scalar);
    const auto unknown =
        std::ranges::find_if(expression.names, [&names](const std::string& name) { return !names.knows(name); });
    for (const std::string& name : expression.names) {
      if (const ConfigPath path = path_of_name(*root_, name); !path.empty()) referred_.insert(path.front().step);
    }
    if (std::ranges::any_of(expression.names, [this](const std::string& name) { return name_lacks_value(*root_, name); })) {
      lacks_values_ = true;  // which is reported once, and not for every use
      return Value(std::nullopt);
    }
    if (unknown != expression.names.end()) {
      const ConfigPath path = path_of_name(*root_, *unknown);
      const YamlPtr known = path.empty() ? nullptr : path.back().container->find_ptr(path.back().step);
      if (known != nullptr && named_value(*unknown, scalar) == nullptr) return Value(std::nullopt);  // reported
      const std::string head(trim(interpolation.text.substr(2, interpolation.text.size() - 3)));
      const bool is_key_misspelt = !did_you_mean(head, names_of(*root_)).empty();
      Diagnostic mistake = unknown_key(*root_, is_key_misspelt ? head : *unknown, interpolation, scalar);
      if (scalar.unexplained != nullptr) return stays(std::move(mistake), interpolation, scalar);
      return Value(fail(scalar.node, mistake.message, mistake.notes));
    }
    if (nodes_ >= kMaxNodes) return Value(std::nullopt);  // reported
    try {
      const PlanValue value = brainsurgery::evaluate(expression.formula, names);
      nodes_ += static_cast<std::int64_t>(size_of(value));
      if (nodes_ >= kMaxNodes) return Value(too_many_values(scalar));
      if (expression.format.empty()) return Value(node_of(value, scalar.node.span()));
      return Value(YamlNode::text(scalar.node.span(), text_of(value, expression)));
    } catch (const Error& error) {
      if (is_path) return std::nullopt;
      if (reported_.insert(&scalar.node).second) diagnostics_.add(error);
      return Value(std::nullopt);
    }
  }

  // `${oc.env:NAME}` and `${oc.env:NAME,default}`.
  Value variable(const Interpolation& interpolation, const Scalar& scalar) {
    const std::vector<ResolverArgument>& arguments = *interpolation.arguments;
    if (arguments.size() > 2)
      return fail(scalar.node, fmt::format("'{}': oc.env takes a name and a default", interpolation.text));
    const std::optional<std::string> name = expand_text(arguments[0].text, {scalar.node, nullptr});
    if (!name) return std::nullopt;
    if (name->empty()) return fail(scalar.node, fmt::format("'{}': the variable's name is empty", interpolation.text));
    if (const std::optional<std::string> value = environment_ ? environment_(*name) : std::nullopt) {
      const auto source =
          std::make_shared<SourceText>(SourceText{fmt::format("environment variable {}", *name), *value});
      if (find_bad_character(source))
        return fail(scalar.node,
                    fmt::format("'{}': the variable's value is not a valid string in a plan", interpolation.text));
      return YamlNode::untyped({source, 1, 1, static_cast<int>(std::max<std::size_t>(value->size(), 1))}, *value);
    }
    if (arguments.size() == 1) {
      return fail(scalar.node, fmt::format("'{}': environment variable '{}' is not set", interpolation.text, *name),
                  {fmt::format("a default is written ${{oc.env:{},default}}", *name)});
    }
    const std::optional<std::string> text = expand_text(arguments[1].text, {scalar.node, nullptr});
    if (!text) return std::nullopt;
    if (*text == "null" && !arguments[1].quoted) return YamlNode::null(scalar.node.span());
    return YamlNode::untyped(scalar.node.span(), *text);
  }

  // The value that a path leads to; nullptr: reported.
  YamlPtr follow(ReferencePath& reference, const Interpolation& interpolation, const Scalar& scalar) {
    ConfigPath path;
    YamlPtr current = root_;
    bool resolved = false;
    std::vector<std::string> steps;
    if (reference.up > path_.size()) {
      (void)fail(scalar.node, fmt::format("'{}' leads above the plan's top level", interpolation.text));
      return nullptr;
    }
    if (reference.up > 0) {
      for (std::size_t i = 0; i + reference.up < path_.size(); ++i) steps.push_back(path_[i].step);
    }
    if (reference.up == 0) {
      if (const ConfigPath first = path_of_name(*root_, reference.steps.front()); !first.empty()) {
        steps = steps_of(first);
        reference.steps.erase(reference.steps.begin());
      }
    }
    steps.insert(steps.end(), reference.steps.begin(), reference.steps.end());
    referred_.insert(steps.front());
    for (const std::string& step : steps) {
      if (!resolved && current->is_string() && current->text().find("${") != std::string::npos) {
        current = resolve_at(path, current, scalar);
        resolved = true;
        if (current == nullptr) return nullptr;
      }
      const YamlPtr structure = as_structure(current);
      resolved = resolved || structure != current;  // an argument's text, which is interpolated as a whole
      const YamlPtr next = child_at(*structure, step);
      if (next == nullptr) {
        (void)unknown(*structure, step, interpolation, scalar);
        return nullptr;
      }
      if (!resolved) path.push_back({current.get(), step});
      current = next;
    }
    if (!resolved) current = resolve_at(path, current, scalar);
    if (current == nullptr) return nullptr;
    nodes_ += count_nodes(*current, kMaxNodes);
    if (nodes_ >= kMaxNodes) {
      (void)too_many_values(scalar);
      return nullptr;
    }
    return current;
  }

  std::nullopt_t too_many_values(const Scalar& scalar) {
    return fail(scalar.node, fmt::format("references and expressions expand to more than {} values", kMaxNodes));
  }

  std::nullopt_t unknown(const YamlNode& container, const std::string& step, const Interpolation& interpolation,
                         const Scalar& scalar) {
    if (container.is_sequence()) {
      return fail(scalar.node, fmt::format("'{}': the list has no entry '{}'; it has {}", interpolation.text, step,
                                           container.items().size()));
    }
    if (!container.is_mapping())
      return fail(scalar.node,
                  fmt::format("'{}': cannot look for '{}' in {}", interpolation.text, step, container.describe()));
    const Diagnostic mistake = unknown_key(container, step, interpolation, scalar);
    return fail(scalar.node, mistake.message, mistake.notes);
  }

  static Diagnostic unknown_key(const YamlNode& mapping, const std::string& key, const Interpolation& interpolation,
                                const Scalar& scalar) {
    std::vector<std::string> keys;
    for (const auto& [known, value] : mapping.entries()) keys.push_back(known->text());
    std::vector<std::string> notes = did_you_mean(key, keys);
    if (!key.empty() && key.find_first_not_of("0123456789") == std::string::npos)
      notes.push_back(fmt::format("a group of the pattern is written \\{}", key));
    notes.emplace_back("a literal ${ is written \\${");
    return {Severity::error, scalar.node.span(), fmt::format("'{}': unknown key '{}'", interpolation.text, key),
            std::move(notes)};
  }

  // The value of `node`, which stands at `path`; nullptr: reported. Done once for each path.
  YamlPtr resolve_at(ConfigPath path, const YamlPtr& node, const Scalar& from) {
    std::vector<std::string> steps = steps_of(path);
    if (const auto known = done_.find(steps); known != done_.end()) return known->second;
    if (const auto again = std::ranges::find(in_progress_, steps, &Target::steps); again != in_progress_.end()) {
      std::string cycle;
      for (auto at = again; at != in_progress_.end(); ++at) cycle += at->shown + " -> ";
      (void)fail(from.node, fmt::format("'{}' refers to itself: {}{}", again->shown, cycle, again->shown));
      return nullptr;
    }
    in_progress_.push_back({steps, shown(path)});
    std::swap(path, path_);
    YamlPtr result = resolve(node);
    std::swap(path, path_);
    in_progress_.pop_back();
    done_.emplace(std::move(steps), result);
    return result;
  }

  // A value that a reference leads to and that is being worked out.
  struct Target {
    std::vector<std::string> steps;
    std::string shown;
  };

  YamlPtr root_;
  const VariableLookup& environment_;
  Diagnostics& diagnostics_;
  ConfigPath path_;  // to the value at hand
  int depth_ = 0;
  std::int64_t nodes_ = 0;      // by way of references
  std::size_t text_bytes_ = 0;  // made by interpolation
  std::vector<Target> in_progress_;
  std::map<std::vector<std::string>, YamlPtr> done_;
  std::set<std::string, std::less<>> referred_;
  std::unordered_set<const YamlNode*> reported_;
  bool lacks_values_ = false;  // a parameter that the plan uses has none
};

}  // namespace

void report_unexplained_names(const YamlNode& node, Diagnostics& diagnostics) {
  std::vector<const Diagnostic*> mistakes;
  collect_mistakes(node, mistakes);
  for (const Diagnostic* mistake : mistakes) diagnostics.add(*mistake);
}

std::optional<Config> interpolate(const YamlPtr& root, const VariableLookup& environment, Diagnostics& diagnostics) {
  try {
    return Interpolator(root, environment, diagnostics).run();
  } catch (const Error& error) {
    diagnostics.add(error);  // too deep a tree
    return std::nullopt;
  }
}

}  // namespace brainsurgery
