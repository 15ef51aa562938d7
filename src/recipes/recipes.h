// The plans for common jobs that are part of the program: each file NAME.yaml of plans/recipes, as it is. Where a plan's
// path stands, recipe:NAME is one of them.
//
//   find_recipe("recipe:llama-meta-to-hf").text   // "# Llama by Meta ...\n"
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace brainsurgery {

struct Recipe {
  std::string_view name;
  std::string_view text;  // YAML, with a comment at the top that says what it is for
};

// Sorted by name.
[[nodiscard]] std::span<const Recipe> all_recipes();

// What the word of a recipe begins with.
inline constexpr std::string_view kRecipePrefix = "recipe:";
[[nodiscard]] inline bool is_recipe_word(std::string_view word) { return word.starts_with(kRecipePrefix); }

// The name may have the prefix. Throws Error(plan) where there is none of this name, with those that are near.
[[nodiscard]] const Recipe& find_recipe(std::string_view name);

// The first line of its comment: one sentence.
[[nodiscard]] std::string_view summary_of(const Recipe& recipe);

// A line for each: its name and what it is for.
[[nodiscard]] std::string list_of_recipes();

}  // namespace brainsurgery
