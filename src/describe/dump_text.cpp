#include "describe/dump_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "base/json_text.h"
#include "describe/name_tree.h"

namespace brainsurgery {
namespace {

// Numbers the contents of branches, everything but their labels: equal ones have equal numbers.
class Contents {
 public:
  int number(const Branch& branch) {
    std::string content;
    if (branch.tensor != nullptr) {
      // As JSON, which rounds nothing.
      for (const auto& [member, text] : tensor_json(*branch.tensor)) content += fmt::format("{}={};", member, text);
    }
    for (const Branch& child : branch.children) {
      const int number_of_child = number(child);
      if (child.index) {
        content += fmt::format("[{}]{};", *child.index, number_of_child);
      } else {
        content += fmt::format("{}:{}{};", child.label.size(), child.label, number_of_child);
      }
    }
    const int found = numbers_.emplace(std::move(content), static_cast<int>(numbers_.size())).first->second;
    of_branch_[&branch] = found;
    return found;
  }
  [[nodiscard]] bool equal(const Branch& a, const Branch& b) const { return of_branch_.at(&a) == of_branch_.at(&b); }

 private:
  std::unordered_map<std::string, int> numbers_;
  std::unordered_map<const Branch*, int> of_branch_;
};

class TreeWriter {
 public:
  explicit TreeWriter(const Contents* contents) : contents_(contents) {}

  void write(const std::vector<Branch>& children, const std::string& indent) {
    for (auto child = children.begin(); child != children.end();) {
      auto next = child + 1;
      while (contents_ != nullptr && child->index && next != children.end() &&
             next->index == *child->index + (next - child) && contents_->equal(*child, *next)) {
        ++next;
      }
      const bool last = next == children.end();
      std::string line = indent + (last ? "└── " : "├── ") + label(*child, *(next - 1));
      if (child->tensor != nullptr) line += "  " + tensor_text(*child->tensor);
      lines_.push_back(std::move(line));
      write(child->children, indent + (last ? "    " : "│   "));
      child = next;
    }
  }
  [[nodiscard]] std::vector<std::string> lines() && { return std::move(lines_); }

 private:
  static std::string label(const Branch& first, const Branch& last) {
    if (!first.index) return std::string(first.label);
    if (&first == &last) return fmt::format("[{}]", *first.index);
    return fmt::format("[{}-{}]", *first.index, *last.index);
  }

  const Contents* contents_;  // null: every index has its own branch
  std::vector<std::string> lines_;
};

class JsonWriter {
 public:
  void write(const Branch& branch) {
    if (is_list(branch)) {
      write_list(branch);
    } else {
      write_object(branch);
    }
  }
  [[nodiscard]] std::string text() && { return std::move(text_); }

 private:
  static bool is_list(const Branch& branch) {
    constexpr std::int64_t kFewNulls = 1000;
    const std::vector<Branch>& children = branch.children;
    return branch.tensor == nullptr && !children.empty() && children.back().index &&
           *children.back().index < kFewNulls + 2 * std::ssize(children);
  }
  void write_list(const Branch& branch) {
    std::int64_t next = 0;
    text_ += '[';
    for (const Branch& child : branch.children) {
      for (; next < *child.index; ++next) text_ += "null,";
      write(child);
      text_ += ',';
      ++next;
    }
    text_.back() = ']';
  }
  void write_object(const Branch& branch) {
    const JsonMembers own = branch.tensor != nullptr ? tensor_json(*branch.tensor) : JsonMembers{};
    // By key: the text of a member, or a child.
    std::vector<std::tuple<std::string, const std::string*, const Branch*>> members;
    for (const auto& [key, text] : own) members.emplace_back(key, &text, nullptr);
    for (const Branch& child : branch.children) {
      const bool hides = std::ranges::find(own, child.label, &JsonMembers::value_type::first) != own.end();
      members.emplace_back((hides ? "." : "") + std::string(child.label), nullptr, &child);
    }
    std::ranges::sort(members);
    text_ += '{';
    for (const auto& [key, text, child] : members) {
      if (text_.back() != '{') text_ += ',';
      append_json_string(text_, key, JsonEscapes::ascii);
      text_ += ':';
      if (child != nullptr) {
        write(*child);
      } else {
        text_ += *text;
      }
    }
    text_ += '}';
  }

  std::string text_;
};

}  // namespace

std::vector<std::string> dump_lines(DumpLayout layout, std::optional<std::string_view> root,
                                    std::span<const DumpedTensor> tensors) {
  Branch tree = name_tree(tensors);
  if (root) {
    tree.label = *root;
    Branch above;
    above.children.push_back(std::move(tree));
    tree = std::move(above);
  }
  if (layout == DumpLayout::json) {
    JsonWriter writer;
    writer.write(tree);
    return {std::move(writer).text()};
  }
  Contents contents;
  if (layout == DumpLayout::compact) static_cast<void>(contents.number(tree));
  TreeWriter writer(layout == DumpLayout::compact ? &contents : nullptr);
  writer.write(tree.children, "");
  return std::move(writer).lines();
}

}  // namespace brainsurgery
