#include "plan/interpolation.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>
#include <unordered_set>

#include "base/interrupt.h"
#include "base/spelling.h"
#include "base/text.h"
#include "plan/interpolation_syntax.h"
#include "plan/structured_pattern.h"
#include "plan/yaml_text.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kMaxNodes = 1'000'000;
constexpr std::size_t kMaxText = std::size_t{16} << 20;
constexpr int kMaxDepth = 200;  // nested values and references together
constexpr std::string_view kMissing = "???";
constexpr std::string_view kSteps = "transforms";

bool holds_interpolation(const YamlNode& node) {
  if (node.is_string()) return node.text() == kMissing || node.text().find("${") != std::string::npos;
  return std::ranges::any_of(node.items(), [](const YamlPtr& item) { return holds_interpolation(*item); }) ||
         std::ranges::any_of(node.entries(), [](const auto& entry) { return holds_interpolation(*entry.second); });
}

// The nodes that a walk visits, at most `limit`.
std::int64_t count_nodes(const YamlNode& node, std::int64_t limit) {
  std::int64_t count = 1;
  for (const YamlPtr& item : node.items()) {
    if (count >= limit) break;
    count += count_nodes(*item, limit - count);
  }
  for (const auto& [key, value] : node.entries()) {
    if (count >= limit) break;
    count += count_nodes(*value, limit - count);
  }
  return count;
}

// Whether a list below `node` has the token of a capture of that name.
bool captures(const YamlNode& node, std::string_view name) {
  const auto is_token = [&](const YamlPtr& item) {
    if (!item->is_string() || item->text().size() < 2) return captures(*item, name);
    const std::string_view rest = std::string_view(item->text()).substr(1);
    if (item->text()[0] == '$' || item->text()[0] == '*') return rest == name;
    if (item->text()[0] != '~') return false;
    std::string_view names = rest.substr(0, rest.find("::") == std::string_view::npos ? 0 : rest.find("::"));
    while (!names.empty()) {
      const std::size_t comma = names.find(',');
      if (names.substr(0, comma) == name) return true;
      names.remove_prefix(comma == std::string_view::npos ? names.size() : comma + 1);
    }
    return false;
  };
  return std::ranges::any_of(node.items(), is_token) ||
         std::ranges::any_of(node.entries(), [&](const auto& entry) { return captures(*entry.second, name); });
}

// The mistakes of unexplained names below `node`, in the order of the text.
void collect_mistakes(const YamlNode& node, std::vector<const Diagnostic*>& into) {
  if (node.mistake() != nullptr) into.push_back(node.mistake().get());
  for (const YamlPtr& item : node.items()) collect_mistakes(*item, into);
  for (const auto& [key, value] : node.entries()) collect_mistakes(*value, into);
}

// A step from a container to a value, both as written.
struct Frame {
  const YamlNode* container;
  std::string step;  // a key, or an index in decimal
};
using Path = std::vector<Frame>;

std::vector<std::string> steps_of(const Path& path) {
  std::vector<std::string> steps;
  for (const Frame& frame : path) steps.push_back(frame.step);
  return steps;
}

std::string shown(const Path& path) {
  std::string result;
  for (const Frame& frame : path) {
    result +=
        frame.container->is_sequence() ? fmt::format("[{}]", frame.step) : (result.empty() ? "" : ".") + frame.step;
  }
  return result;
}

class Interpolator {
 public:
  Interpolator(const YamlPtr& root, const VariableLookup& environment, Diagnostics& diagnostics)
      : root_(root), environment_(environment), diagnostics_(diagnostics) {}

  std::optional<Config> run() {
    if (!holds_interpolation(*root_)) return Config{root_, {}};
    const YamlPtr result = resolve(root_);
    if (result == nullptr || has_unexplained_names(*result)) return std::nullopt;
    return Config{result, std::move(referred_)};
  }

 private:
  // Where a text is being worked on.
  struct Scalar {
    const YamlNode& node;
    std::shared_ptr<const Diagnostic>* unexplained;  // takes the mistake of a name; nullptr: it is reported
  };
  // nullopt: reported. A reference's whole value, or text.
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
    if (node->text() == kMissing) {
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

  // What the fields of steps take is seen when they are decoded; everything else has no names of its own. A mistake
  // that several values refer to is reported once.
  bool has_unexplained_names(const YamlNode& root) {
    std::vector<const Diagnostic*> mistakes;
    for (const auto& [key, value] : root.entries()) {
      if (key->text() != kSteps) collect_mistakes(*value, mistakes);
    }
    std::set<std::tuple<int, int, std::string_view>> reported;
    for (const Diagnostic* mistake : mistakes) {
      if (reported.emplace(mistake->span.line, mistake->span.column, mistake->message).second)
        diagnostics_.add(*mistake);
    }
    return !mistakes.empty();
  }

  // The mappings around the list that the text at path_ is in, or may become; nullptr: there are none below the root.
  [[nodiscard]] const YamlNode* mappings_around() const {
    std::size_t at = path_.size();
    while (at > 1 && path_[at - 1].container->is_sequence()) --at;
    const YamlNode* outermost = nullptr;
    for (; at > 1 && path_[at - 1].container->is_mapping(); --at) outermost = path_[at - 1].container;
    return outermost;
  }

  // A list's entry may hold a capture of the same name.
  void warn_of_capture(const std::string& name, const Interpolation& interpolation, const YamlNode& node) {
    const bool in_list = !path_.empty() && path_.back().container->is_sequence();
    if (!in_list && !(node.is_untyped() && node.text().starts_with('['))) return;
    const YamlNode* around = mappings_around();
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

  std::optional<std::string> expand_text(const TextTemplate& parts, const Scalar& scalar) {
    std::string result;
    for (const auto& part : parts) {
      if (const auto* literal = std::get_if<std::string>(&part)) {
        result += *literal;
        continue;
      }
      const Interpolation& interpolation = *std::get<std::shared_ptr<const Interpolation>>(part);
      const Value value = evaluate(interpolation, scalar);
      if (!value) return std::nullopt;
      if (const YamlPtr* node = std::get_if<YamlPtr>(&*value)) {
        if ((*node)->mistake() != nullptr && scalar.unexplained != nullptr) *scalar.unexplained = (*node)->mistake();
        if ((*node)->is_null() || (*node)->is_sequence() || (*node)->is_mapping()) {
          return fail(scalar.node, fmt::format("'{}' cannot be part of a string: it is {}", interpolation.text,
                                               (*node)->describe()));
        }
        result += (*node)->text();
      } else {
        result += std::get<std::string>(*value);
      }
      if (result.size() > kMaxText) break;
    }
    text_bytes_ += result.size();
    if (text_bytes_ > kMaxText)
      return fail(scalar.node, fmt::format("interpolation makes more than {} bytes of text", kMaxText));
    return result;
  }

  Value evaluate(const Interpolation& interpolation, const Scalar& scalar) {
    const std::optional<std::string> head = expand_text(interpolation.head, {scalar.node, nullptr});
    if (!head) return std::nullopt;
    if (interpolation.arguments) return variable(interpolation, std::string(trim(*head)), scalar);
    ReferencePath reference = parse_reference_path(*head);
    const std::string name = reference.up == 0 && reference.steps.size() == 1 ? reference.steps[0] : "";
    if (scalar.unexplained != nullptr && is_variable_name(name)) {
      if (root_->find(name) == nullptr) {
        Diagnostic mistake = unknown_key(*root_, name, interpolation, scalar);
        *scalar.unexplained = std::make_shared<const Diagnostic>(std::move(mistake));
        return interpolation.text;
      }
      warn_of_capture(name, interpolation, scalar.node);
    }
    YamlPtr found = follow(reference, interpolation, scalar);
    if (found == nullptr) return std::nullopt;
    return found;
  }

  // `${oc.env:NAME}` and `${oc.env:NAME,default}`.
  Value variable(const Interpolation& interpolation, const std::string& resolver, const Scalar& scalar) {
    if (resolver != "oc.env")
      return fail(scalar.node,
                  fmt::format("'{}': unknown resolver '{}'; the only one is oc.env", interpolation.text, resolver));
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
    Path path;
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
      const YamlPtr next = child(*structure, step);
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
      (void)fail(scalar.node, fmt::format("references expand to more than {} values", kMaxNodes));
      return nullptr;
    }
    return current;
  }

  static YamlPtr child(const YamlNode& container, const std::string& step) {
    if (!container.is_sequence()) return container.find_ptr(step);
    std::size_t index = 0;
    const auto [end, problem] = std::from_chars(step.data(), step.data() + step.size(), index);
    const bool good = problem == std::errc() && end == step.data() + step.size() && index < container.items().size();
    return good ? container.items()[index] : nullptr;
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
    notes.emplace_back("a literal ${ is written \\${; a capture ${x} belongs in a list");
    return {Severity::error, scalar.node.span(), fmt::format("'{}': unknown key '{}'", interpolation.text, key),
            std::move(notes)};
  }

  // The value of `node`, which stands at `path`; nullptr: reported. Done once for each path.
  YamlPtr resolve_at(Path path, const YamlPtr& node, const Scalar& from) {
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
  Path path_;  // to the value at hand
  int depth_ = 0;
  std::int64_t nodes_ = 0;      // by way of references
  std::size_t text_bytes_ = 0;  // made by interpolation
  std::vector<Target> in_progress_;
  std::map<std::vector<std::string>, YamlPtr> done_;
  std::set<std::string, std::less<>> referred_;
  std::unordered_set<const YamlNode*> reported_;
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
