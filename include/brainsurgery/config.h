// What a plan is put together from: files, `key.path[0]=value` arguments and single steps, applied in their order.
//
//   PlanSource source{{{ConfigItem::Kind::file, plan_text}, {ConfigItem::Kind::assignment, argument}}};
//   session.run(source);
//
// Plain values.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "brainsurgery/error.h"

namespace brainsurgery {

struct ConfigItem {
  enum class Kind {
    file,        // YAML, merged into what came before
    assignment,  // `key.path[0]=value`: sets one value; its text is the whole argument, its name "argument N"
    step,        // a line in the one-line syntax OLY: one more step at the end
    parameter,   // `NAME=VALUE`: the value of a parameter of the plan
  };
  Kind kind = Kind::file;
  std::shared_ptr<const SourceText> source;
};

struct PlanSource {
  std::vector<ConfigItem> items;

  PlanSource() = default;
  explicit PlanSource(std::vector<ConfigItem> all) : items(std::move(all)) {}
  // A plan of one file, the usual case; from shared_ptr<const SourceText> and what converts to it.
  template <std::convertible_to<std::shared_ptr<const SourceText>> Text>
  PlanSource(Text file) : items{{ConfigItem::Kind::file, std::move(file)}} {}
};

// What `${oc.env:NAME}` stands for; nullopt: NAME is not set. An empty function: no variable is.
using VariableLookup = std::function<std::optional<std::string>(const std::string& name)>;

}  // namespace brainsurgery
