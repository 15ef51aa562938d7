// The reference manual of the plan language, a page for every step and operator.
#pragma once

#include <string>
#include <vector>

#include "describe/catalog.h"

namespace brainsurgery {

struct Page {
  std::string path;  // "transforms/scale.md", below docs/
  std::string text;  // Markdown
};

// transforms/README.md and predicates/README.md, which list what there is, then a page each. Every page is made from
// the schema alone.
[[nodiscard]] std::vector<Page> reference_pages(const Catalog& catalog);

// The example of a step or an operator as a plan that can be run beside the file that plans/make_tiny_gpt2.yaml makes.
[[nodiscard]] std::string example_plan(const Docs& docs);

}  // namespace brainsurgery
