#include "merging/model_field.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "brainsurgery/error.h"

namespace brainsurgery::merging {

const char* const kAdapterSetup =
    "- phlora: {target: 'h[.](.+)[.]c_proj[.]weight', target_a: 'style::base_model.model.h.\\1.c_proj.lora_A.weight', "
    "target_b: 'style::base_model.model.h.\\1.c_proj.lora_B.weight', rank: 4, delete_original: false}\n"
    "- config: {model: style, file: adapter_config.json, set: {r: 4, lora_alpha: 4}, create: true}";

std::string chosen_model(std::string_view step, std::string_view key, const std::optional<std::string>& named,
                         const std::vector<std::string>& others, const PlanScope& plan) {
  if (named) return *named;
  std::vector<std::string> aliases = plan.aliases();
  std::erase_if(aliases, [&](const std::string& alias) { return std::ranges::find(others, alias) != others.end(); });
  if (const std::optional<std::string> fallback = plan.default_alias();
      fallback && std::ranges::find(aliases, *fallback) != aliases.end())
    return *fallback;
  if (aliases.size() == 1) return aliases.front();
  throw Error(ErrorCode::plan, aliases.empty() ? fmt::format("{}: there is no model to work on", step)
                                               : fmt::format("{}: there are several models, name one: {}: {}", step, key,
                                                             fmt::join(aliases, " or ")));
}

}  // namespace brainsurgery::merging
