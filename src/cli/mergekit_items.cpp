#include "cli/mergekit_items.h"

#include <fmt/format.h>

#include <memory>

namespace brainsurgery {

std::vector<ConfigItem> mergekit_items(const std::string& config, std::vector<std::string> words, Session& session, Env& env) {
  constexpr std::int64_t kMostBytes = 16 << 20;
  std::string output;
  if (!words.empty() && words.front().find('=') == std::string::npos) {
    output = words.front();
    words.erase(words.begin());
  }
  const auto text = std::make_shared<SourceText>(SourceText{config, env.read_text(config, kMostBytes)});
  const Outcome<std::string> plan = session.mergekit_to_plan(text, output);
  if (!plan.ok()) throw plan.error();
  std::vector<ConfigItem> items{{ConfigItem::Kind::file, std::make_shared<SourceText>(SourceText{config + " as a plan", plan.value()})}};
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto word = std::make_shared<SourceText>(SourceText{fmt::format("argument {} behind the output", i + 1), words[i]});
    items.push_back({ConfigItem::Kind::assignment, word});
  }
  return items;
}

}  // namespace brainsurgery
