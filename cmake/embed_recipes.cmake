# Writes a source file with the texts of the plans in a folder: cmake -DFOLDER=plans/recipes -DOUT=recipe_texts.cpp -P THIS
file(GLOB names RELATIVE ${FOLDER} ${FOLDER}/*.yaml)
list(TRANSFORM names REPLACE "\\.yaml$" "")
list(SORT names)
set(rows "")
foreach(name IN LISTS names)
  file(READ ${FOLDER}/${name}.yaml text)
  string(APPEND rows "    {\"${name}\", R\"recipe(${text})recipe\"},\n")
endforeach()
file(WRITE ${OUT} "// Made by cmake/embed_recipes.cmake of ${FOLDER}.
#include \"recipes/recipes.h\"

namespace brainsurgery {
namespace {

constexpr Recipe kRecipes[]{
${rows}};

}  // namespace

std::span<const Recipe> all_recipes() { return kRecipes; }

}  // namespace brainsurgery
")
