#include "cases/case_file.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>

namespace brainsurgery::cases {
namespace {

constexpr std::array<std::string_view, 10> kKinds{"input",  "file",  "plan",      "events", "printed",
                                                 "output", "files", "content", "run error", "error"};

Section section_of(std::string_view line, const std::string& where) {
  for (const std::string_view kind : kKinds) {
    if (line == kind) return {std::string(kind), "", ""};
    if (line.starts_with(kind) && line[kind.size()] == ' ')
      return {std::string(kind), std::string(line.substr(kind.size() + 1)), ""};
  }
  throw std::runtime_error(where + ": unknown section '" + std::string(line) + "'");
}

void drop_blank_end(std::string& text) {
  while (text.ends_with("\n\n") || text == "\n") text.pop_back();
}

}  // namespace

const Section* Case::find(std::string_view kind) const {
  const auto found = std::ranges::find(sections, kind, &Section::kind);
  return found == sections.end() ? nullptr : &*found;
}

std::vector<Case> parse_cases(const std::string& file_name, const std::string& text) {
  std::vector<Case> cases;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string where = file_name + ":" + std::to_string(++number);
    if (line.starts_with("=== ")) {
      cases.push_back({line.substr(4), "", {}, number, {}});
    } else if (cases.empty()) {
      if (!line.empty()) throw std::runtime_error(where + ": text before the first case");
    } else if (line.starts_with("--- ")) {
      cases.back().sections.push_back(section_of(std::string_view(line).substr(4), where));
    } else {
      (cases.back().sections.empty() ? cases.back().comment : cases.back().sections.back().text) += line + "\n";
    }
  }
  std::vector<Section> shared;
  for (Case& test : cases) {
    drop_blank_end(test.comment);
    for (Section& section : test.sections) drop_blank_end(section.text);
    if (test.is_shared()) {
      shared = test.sections;
      continue;
    }
    if (test.find("plan") == nullptr) throw std::runtime_error(file_name + ": case '" + test.title + "' has no plan");
    if (test.find("input") == nullptr && test.find("file") == nullptr) test.shared = shared;
  }
  return cases;
}

std::string to_string(const std::vector<Case>& cases) {
  std::string text;
  for (const Case& test : cases) {
    if (!text.empty()) text += "\n";
    text += "=== " + test.title + "\n" + test.comment;
    for (const Section& section : test.sections)
      text += "--- " + section.kind + (section.name.empty() ? "" : " " + section.name) + "\n" + section.text;
  }
  return text;
}

}  // namespace brainsurgery::cases
