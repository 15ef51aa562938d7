// The decoded payloads of a step. A payload without modifiers is one part; `each` makes one for each combination of its
// values; a payload with names that a pattern captures outside of its references, such as `by: ${0.9 ** i}`, is an open
// part, which becomes one part for each combination of their values, match by match.
//
//   const PartMaker make(registries, step, default_alias, aliases);
//   PartMaker::Result parts = make(payload, nullptr, diagnostics);   // before any model is open
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "brainsurgery/registries.h"
#include "plan/modifiers.h"
#include "plan/name_pattern.h"

namespace brainsurgery {

// A reference of an edit. Pointers are into the edit's schema and spec.
struct PreparedRef {
  const Field* field = nullptr;
  const TensorRef* ref = nullptr;
  Role role;  // of its field, for this spec
  std::string alias;
  std::optional<NamePattern> pattern;     // selects tensors
  std::optional<NameTemplate> expansion;  // is filled in from the first reference's match
  std::string where;                      // "copy.from", "concat.from[1]"
  std::size_t operand = 0;                // of a role that reads: the number of its field among those that do
  bool single = false;                    // the pattern must match exactly one tensor
  std::string counted = {};               // a name in the template that counts the results; empty: none
};

// What of the matches of an edit's first reference counts.
struct Selection {
  std::optional<Formula> where;
  std::vector<NamePattern> except;
  bool optional = false;

  [[nodiscard]] bool takes_all() const { return !where && except.empty(); }
};

struct StepPart {
  YamlPtr payload;  // without modifiers, the values of `each` put in
  Variables variables;
  std::size_t combination = 0;  // of the values of `each`: its number
  Selection selection;
  std::shared_ptr<const void> spec;      // nullptr: an open part
  std::vector<PreparedRef> refs = {};    // of an Edit, in the order of the schema; of an open part the first alone
  std::size_t operand_fields = 0;        // of an Edit: how many fields read
  std::optional<std::size_t> member = {};  // the capture that counts the tensors that are joined
  TensorRef lead = {};                   // of an open part
  std::vector<std::pair<std::string, std::size_t>> open = {};  // its names and the captures that they stand for
  std::vector<std::string> facts = {};  // names of what headers say of a match: match_scope.h
};
using StepPartPtr = std::shared_ptr<const StepPart>;

class PartMaker {
 public:
  // Everything is kept by reference.
  PartMaker(const Registries& registries, const Step& step, const std::optional<std::string>& default_alias,
            const std::set<std::string, std::less<>>& aliases, const PlanParameters& parameters)
      : registries_(registries),
        step_(step),
        default_alias_(default_alias),
        aliases_(aliases),
        parameters_(parameters) {}

  struct Result {
    std::vector<StepPartPtr> parts;
    bool needs_model = false;  // it has names that only models know; there are no parts then
    bool skipped = false;      // `when` says that the step is not done; there are no parts then
  };
  // `models`: what is known of models; nullptr: nothing yet. Mistakes are reported; there are no parts then.
  [[nodiscard]] Result operator()(const YamlPtr& payload, const ValueScope* models, Diagnostics& diagnostics) const;
  // The part of an open one for these values; nullptr: reported.
  [[nodiscard]] StepPartPtr closed(const StepPart& open, const ValueScope& captures, Diagnostics& diagnostics) const;

 private:
  struct Written;
  // What `when` says; nullopt: models have to be known.
  [[nodiscard]] std::optional<bool> wanted(const YamlNode* when, const ValueScope& names, const ValueScope* models) const;
  [[nodiscard]] StepPartPtr part(const Written& written, const ValueScope* scope, bool& needs_model,
                                 Diagnostics& diagnostics) const;
  [[nodiscard]] StepPartPtr decoded(StepPart part, const std::string& counted, Diagnostics& diagnostics) const;
  [[nodiscard]] StepPartPtr open_part(StepPart part, const std::set<std::string, std::less<>>& names,
                                      const ValueScope* models, Diagnostics& diagnostics) const;
  // Whether a name that is not known yet may be when models are.
  [[nodiscard]] bool may_follow(std::string_view name) const;

  const Registries& registries_;
  const Step& step_;
  const std::optional<std::string>& default_alias_;
  const std::set<std::string, std::less<>>& aliases_;
  const PlanParameters& parameters_;
};

}  // namespace brainsurgery
