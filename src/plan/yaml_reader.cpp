// yaml-cpp's events to YamlNodes. Its own YAML::Load is not used: it keeps duplicate keys, ignores further documents,
// follows recursive anchors for ever and has no place for nulls.

#include <algorithm>
#include <optional>
#include <sstream>
#include <unordered_map>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/interrupt.h"
#include "plan/yaml_text.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kMaxAliasNodes = 1'000'000;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kStandardTag = "tag:yaml.org,2002:";

[[noreturn]] void fail(SourceSpan span, std::string message, std::vector<std::string> notes = {}) {
  throw Error(ErrorCode::plan, std::move(message), std::move(span), std::move(notes));
}

bool is_blank(std::string_view line, std::size_t at) {
  return at < line.size() && (line[at] == ' ' || line[at] == '\t');
}

// Whether the line after this one is inside of brackets, as far as this one tells.
bool continues_brackets(std::string_view line) {
  const std::size_t last = line.find_last_not_of(" \t\r");
  return last != std::string_view::npos && (line[last] == ',' || line[last] == '[' || line[last] == '{');
}

std::string place(const SourceSpan& span) { return fmt::format("line {}, column {}", span.line, span.column); }

// A node with the number of nodes that a walk over it visits.
struct Weighed {
  YamlPtr node;
  std::int64_t weight = 1;
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  // `masked`: what yaml-cpp reads, the source without a byte order mark of `skipped` bytes.
  TreeBuilder(std::shared_ptr<const SourceText> source, std::string_view masked, int skipped, Diagnostics& diagnostics)
      : source_(std::move(source)), masked_(masked), lines_(masked), skipped_(skipped), diagnostics_(diagnostics) {}

  [[nodiscard]] YamlPtr root() const { return root_; }

  [[nodiscard]] SourceSpan span(const YAML::Mark& mark, int length = 1) const {
    if (mark.line < 0) return {source_, 0, 0, 1};
    return {source_, mark.line + 1, mark.column + 1 + (mark.line == 0 ? skipped_ : 0), length};
  }

  // The tab that indents the line of `mark`; yaml-cpp blames a token behind it. Lists and mappings in brackets, which
  // yaml-cpp has not reported yet where one of their lines is wrong, may have tabs.
  [[nodiscard]] std::optional<SourceSpan> indenting_tab(const YAML::Mark& mark) const {
    if (mark.line < 0 || (mark.line > 0 && continues_brackets(lines_.line(mark.line - 1)))) return std::nullopt;
    const std::string_view line = lines_.line(mark.line);
    const std::size_t tab = line.find('\t');
    for (std::size_t i = 0; i < std::min(tab, line.size()); ++i) {
      if (line[i] != ' ' && (line[i] != '-' || !is_blank(line, i + 1))) return std::nullopt;
    }
    if (tab == std::string_view::npos) return std::nullopt;
    YAML::Mark at = mark;
    at.column = static_cast<int>(tab);
    return span(at);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (started_) fail(span(mark), "a second document starts here; a plan is one document");
    started_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    std::string_view here = raw(mark);
    bool written = !here.empty() && std::string_view("~nN&!").find(here[0]) != std::string_view::npos;
    if (written) {
      std::size_t end = std::min(here.find_first_of(" \t\r\n,]}#"), here.size());
      std::string text(here[0] == '&' || here[0] == '!' ? "" : here.substr(0, end));
      int length = static_cast<int>(std::max<std::size_t>(end, 1));
      add({YamlNode::scalar(span(mark, length), std::move(text), {.kind = YamlKind::null}, false)}, anchor);
    } else {
      add({YamlNode::null(span_of_missing(mark))}, anchor);
    }
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    std::unordered_map<YAML::anchor_t, Weighed>::const_iterator found = anchors_.find(anchor);
    if (found == anchors_.end()) fail(span(mark), "this alias refers to itself");
    alias_nodes_ += found->second.weight;
    if (alias_nodes_ > kMaxAliasNodes) {
      fail(span(mark), fmt::format("aliases expand to more than {} values", kMaxAliasNodes));
    }
    if (static_cast<int>(open_.size()) + found->second.node->depth() > kMaxYamlDepth) fail_depth(mark);
    add(found->second, 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    std::string_view here = raw(mark);
    bool plain = tag == "?";
    if (plain && here.starts_with(kMaskedQuestion) && (here.size() == 1 || std::isspace(here[1]) != 0)) {
      fail(span(mark), "explicit keys ('? key') are not supported; write 'key: value'");
    }
    std::string text = mend_escapes(unmask_questions(value, here));
    SourceSpan at = span(mark, shown_length(here, plain, text.size()));
    if (plain) {
      add({YamlNode::plain(std::move(at), std::move(text))}, anchor);
    } else if (tag == "!" || tag == std::string(kStandardTag) + "str") {
      add({YamlNode::text(std::move(at), std::move(text))}, anchor);
    } else {
      YamlScalar converted = convert(tag, text, at);
      add({YamlNode::scalar(std::move(at), std::move(text), converted, false)}, anchor);
    }
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(mark, tag, "seq", {.mapping = false, .flow = style == YAML::EmitterStyle::Flow, .anchor = anchor});
  }
  void OnSequenceEnd() override {
    Frame frame = pop();
    add({YamlNode::sequence(frame.span, std::move(frame.items)), frame.weight}, frame.anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(mark, tag, "map", {.mapping = true, .flow = style == YAML::EmitterStyle::Flow, .anchor = anchor});
  }
  void OnMapEnd() override {
    Frame frame = pop();
    refuse_duplicates(frame.entries);
    add({YamlNode::mapping(frame.span, merged(std::move(frame.entries))), frame.weight}, frame.anchor);
  }

 private:
  struct Frame {
    bool mapping = false;
    bool flow = false;
    YAML::anchor_t anchor = 0;
    SourceSpan span = {};
    YamlItems items = {};
    YamlEntries entries = {};
    YamlPtr key = nullptr;  // waits for its value
    std::int64_t weight = 1;
  };

  [[nodiscard]] std::string_view raw(const YAML::Mark& mark) const {
    return masked_.substr(mark.line < 0 ? masked_.size() : lines_.offset(mark.line, mark.column));
  }

  [[noreturn]] void fail_depth(const YAML::Mark& mark) const {
    fail(span(mark), fmt::format("values are nested more than {} levels deep", kMaxYamlDepth));
  }

  void open(const YAML::Mark& mark, const std::string& tag, std::string_view expected, Frame frame) {
    if (static_cast<int>(open_.size()) >= kMaxYamlDepth) fail_depth(mark);
    frame.span = span(mark);
    if (tag != "?" && tag != "!" && tag != std::string(kStandardTag).append(expected)) refuse_tag(tag, frame.span);
    open_.push_back(std::move(frame));
  }

  Frame pop() {
    Frame frame = std::move(open_.back());
    open_.pop_back();
    return frame;
  }

  void add(Weighed value, YAML::anchor_t anchor) {
    throw_if_interrupted();
    if (anchor != 0) anchors_.insert_or_assign(anchor, value);
    if (open_.empty()) {
      root_ = std::move(value.node);
      return;
    }
    Frame& top = open_.back();
    top.weight += value.weight;
    if (!top.mapping) {
      top.items.push_back(std::move(value.node));
    } else if (top.key != nullptr) {
      top.entries.emplace_back(std::move(top.key), std::move(value.node));
      top.key = nullptr;
    } else {
      top.key = checked_key(std::move(value.node));
    }
  }

  YamlPtr checked_key(YamlPtr key) {
    if (!key->is_null() && !key->is_sequence() && !key->is_mapping()) return key;
    diagnostics_.error(key->span(), fmt::format("a key must be a string, not {}", key->describe()));
    return YamlNode::text(key->span(), fmt::format("\n{}", diagnostics_.error_count()));  // unlike every other key
  }

  // Where yaml-cpp reports a value that was left out it points behind it, often to a later line.
  SourceSpan span_of_missing(const YAML::Mark& mark) const {
    if (open_.empty()) return span(mark);
    const Frame& top = open_.back();
    if (top.mapping) {
      if (top.key != nullptr) return top.key->span();
      fail(span(mark), "a key is missing before ':' or ','");
    }
    if (top.flow) fail(span(mark), "a list entry is missing before ','");
    for (int number = std::min(mark.line, static_cast<int>(masked_.size())); number >= 0; --number) {
      std::string_view line = lines_.line(number);
      std::size_t limit = number == mark.line ? static_cast<std::size_t>(mark.column) : line.size();
      std::size_t dash = line.substr(0, std::min(line.find(" #"), limit)).find_last_not_of(" \t\r");
      bool comment = line.find_first_not_of(" \t") == line.find('#');
      if (dash == std::string_view::npos || (comment && line.find('#') != std::string_view::npos)) continue;
      if (line[dash] == '-') return {source_, number + 1, static_cast<int>(dash) + 1 + (number == 0 ? skipped_ : 0), 1};
      break;
    }
    return span(mark);
  }

  // Bytes to underline: up to the end of a scalar on its first line.
  static int shown_length(std::string_view here, bool plain, std::size_t text_size) {
    if (plain) {
      const std::string_view shown = here.substr(0, text_size);
      return static_cast<int>(std::max<std::size_t>(std::min(shown.find_first_of("\r\n"), shown.size()), 1));
    }
    if (here.empty() || (here[0] != '"' && here[0] != '\'')) return 1;
    const auto is_end = [here](std::size_t at) { return at >= here.size() || here[at] == '\r' || here[at] == '\n'; };
    std::size_t end = 1;
    while (!is_end(end) && here[end] != here[0])
      end += here[end] == '\\' && here[0] == '"' && !is_end(end + 1) ? 2 : 1;
    return static_cast<int>(is_end(end) ? end : end + 1);
  }

  [[noreturn]] static void refuse_tag(const std::string& tag, const SourceSpan& span) {
    std::string shown = unmask_questions(tag, "");
    if (tag.starts_with(kStandardTag)) shown = "!!" + tag.substr(kStandardTag.size());
    fail(span, fmt::format("tag '{}' does not fit here", shown),
         {"known tags: !!str !!int !!float !!bool !!null !!seq !!map"});
  }

  static YamlScalar convert(const std::string& tag, const std::string& text, const SourceSpan& span) {
    YamlScalar value = resolve_scalar(text);
    auto is = [&](std::string_view name) { return tag == std::string(kStandardTag).append(name); };
    if (is("null")) return {.kind = YamlKind::null};
    if (is("int") && value.kind == YamlKind::integer) return value;
    if (is("bool") && value.kind == YamlKind::boolean) return value;
    if (is("float") && (value.kind == YamlKind::integer || value.kind == YamlKind::floating)) {
      return {.kind = YamlKind::floating, .floating = value.floating};
    }
    if (is("int") || is("bool") || is("float")) {
      fail(span, fmt::format("'{}' does not match its tag !!{}", text, tag.substr(kStandardTag.size())));
    }
    refuse_tag(tag, span);
  }

  void refuse_duplicates(const YamlEntries& entries) {
    std::unordered_map<std::string_view, const YamlNode*> seen;
    for (std::size_t i = 1; i < entries.size(); ++i) {
      constexpr std::size_t kFew = 12;  // below it comparing is cheaper than hashing
      const std::string& text = entries[i].first->text();
      const YamlNode* first = nullptr;
      if (entries.size() <= kFew) {
        for (std::size_t j = 0; j < i && first == nullptr; ++j) {
          if (entries[j].first->text() == text) first = entries[j].first.get();
        }
      } else {
        if (i == 1) seen.emplace(entries[0].first->text(), entries[0].first.get());
        auto [found, inserted] = seen.emplace(text, entries[i].first.get());
        if (!inserted) first = found->second;
      }
      if (first == nullptr) continue;
      diagnostics_.error(entries[i].first->span(), fmt::format("duplicate key '{}'", text),
                         {"first used at " + place(first->span())});
    }
  }

  // `<<: *base` and `<<: [*a, *b]`: keys of the mapping itself win, then earlier bases.
  static YamlEntries merged(YamlEntries entries) {
    auto is_merge = [](const auto& entry) { return entry.first->text() == "<<" && !entry.first->quoted(); };
    YamlEntries::iterator merge = std::find_if(entries.begin(), entries.end(), is_merge);
    if (merge == entries.end()) return entries;
    YamlPtr bases = merge->second;
    entries.erase(merge);
    YamlEntries result;
    std::unordered_map<std::string_view, std::size_t> places;
    auto add_base = [&](const YamlNode& base) {
      if (!base.is_mapping()) fail(base.span(), fmt::format("'<<' merges mappings, not {}", base.describe()));
      for (const auto& entry : base.entries()) {
        if (places.emplace(entry.first->text(), result.size()).second) result.push_back(entry);
      }
    };
    if (bases->is_sequence()) {
      for (const YamlPtr& base : bases->items()) add_base(*base);
    } else {
      add_base(*bases);
    }
    for (auto& entry : entries) {
      auto [found, inserted] = places.emplace(entry.first->text(), result.size());
      if (inserted) {
        result.push_back(std::move(entry));
      } else {
        result[found->second].second = std::move(entry.second);
      }
    }
    return result;
  }

  std::shared_ptr<const SourceText> source_;
  std::string_view masked_;
  LineTable lines_;
  int skipped_;
  Diagnostics& diagnostics_;
  bool started_ = false;
  std::vector<Frame> open_;
  std::unordered_map<YAML::anchor_t, Weighed> anchors_;
  std::int64_t alias_nodes_ = 0;
  YamlPtr root_;
};

// The text from `offset` on, which is in its first line, as one document.
YamlPtr parse_from(const std::shared_ptr<const SourceText>& source, std::size_t offset, Diagnostics& diagnostics) {
  int errors_before = diagnostics.error_count();
  std::string masked = mask_questions(std::string_view(source->text).substr(offset));
  int skipped = static_cast<int>(offset);
  TreeBuilder builder(source, masked, skipped, diagnostics);
  try {
    std::istringstream stream(masked);
    YAML::Parser parser(stream);
    bool any = parser.HandleNextDocument(builder);
    if (any) (void)parser.HandleNextDocument(builder);
  } catch (const YAML::Exception& error) {
    if (std::optional<SourceSpan> tab = builder.indenting_tab(error.mark)) {
      diagnostics.error(std::move(*tab), "YAML does not allow tabs as indentation", {"indent with spaces"});
    } else {
      std::vector<std::string> notes;
      if (error.msg.starts_with(YAML::ErrorMsg::INVALID_ESCAPE))
        notes = {"in double quotes a backslash starts an escape; put regular expressions in single quotes"};
      diagnostics.error(builder.span(error.mark), "invalid YAML: " + unmask_questions(error.msg, ""), std::move(notes));
    }
  } catch (const Error& error) {
    diagnostics.add(error);
  }
  if (diagnostics.error_count() > errors_before) return nullptr;
  return builder.root() != nullptr ? builder.root() : YamlNode::null({source, 1, skipped + 1, 1});
}

}  // namespace

YamlPtr parse_yaml(std::shared_ptr<const SourceText> text, Diagnostics& diagnostics) {
  if (std::optional<Diagnostic> problem = find_bad_character(text)) {
    diagnostics.add(std::move(*problem));
    return nullptr;
  }
  return parse_from(text, text->text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0, diagnostics);
}

YamlPtr parse_untyped(const YamlNode& text) {
  SourceSpan at = text.span();
  std::size_t offset = at.known() && at.line == 1 ? static_cast<std::size_t>(at.column) - 1 : std::string::npos;
  // After an interpolation the text is not what the source has: places are then those of the text itself.
  bool in_source = offset <= (at.source ? at.source->text.size() : 0) &&
                   at.source->text.compare(offset, std::string::npos, text.text()) == 0;
  std::shared_ptr<const SourceText> value =
      std::make_shared<SourceText>(SourceText{at.source != nullptr ? at.source->name : "<value>", text.text()});
  Diagnostics diagnostics;
  if (std::optional<Diagnostic> problem = find_bad_character(value)) {
    if (in_source) problem->span = at;
    diagnostics.add(std::move(*problem));
  }
  diagnostics.throw_if_errors();
  YamlPtr parsed = in_source ? parse_from(at.source, offset, diagnostics) : parse_from(value, 0, diagnostics);
  diagnostics.throw_if_errors();
  return parsed;
}

YamlPtr as_structure(const YamlPtr& node) {
  bool structure = node->is_untyped() && (node->text().starts_with('[') || node->text().starts_with('{'));
  return structure ? parse_untyped(*node) : node;
}

}  // namespace brainsurgery
