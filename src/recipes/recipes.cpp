#include "recipes/recipes.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/spelling.h"
#include "brainsurgery/error.h"

namespace brainsurgery {

const Recipe& find_recipe(std::string_view name) {
  if (is_recipe_word(name)) name.remove_prefix(kRecipePrefix.size());
  const std::span<const Recipe> recipes = all_recipes();
  const auto found = std::ranges::find(recipes, name, &Recipe::name);
  if (found != recipes.end()) return *found;
  std::vector<std::string> names;
  for (const Recipe& recipe : recipes) names.emplace_back(recipe.name);
  std::vector<std::string> notes = did_you_mean(name, names);
  notes.emplace_back("brainsurgery recipes lists them");
  throw Error(ErrorCode::plan, fmt::format("there is no recipe '{}'", name), {}, std::move(notes));
}

std::string_view summary_of(const Recipe& recipe) {
  const std::string_view line = recipe.text.substr(0, recipe.text.find('\n'));
  return line.substr(std::min(line.find_first_not_of("# "), line.size()));
}

std::string list_of_recipes() {
  std::size_t width = 0;
  for (const Recipe& recipe : all_recipes()) width = std::max(width, recipe.name.size());
  std::string text;
  for (const Recipe& recipe : all_recipes()) text += fmt::format("{:<{}}  {}\n", recipe.name, width, summary_of(recipe));
  return text;
}

}  // namespace brainsurgery
