// The effect of a step on the tensors that one of its references names. All that binding, previews and completion need
// to know of the step.
#pragma once

#include <cstdint>

namespace brainsurgery {

struct Role {
  enum class Names : std::uint8_t {
    pattern,  // selects tensors; the step is done once for each match
    derived,  // a template filled in from the pattern's match
    literal,  // exactly this name
    derived_or_literal,  // a template where the pattern captures something, else exactly this name
  };
  enum class Policy : std::uint8_t {
    any,
    must_exist,
    must_not_exist,
    vacated,  // must not exist, but for names that the step takes from other tensors
  };
  Names names = Names::pattern;
  Policy policy = Policy::any;
  bool reads = false;
  bool may_lack = false;        // what is read need not exist: the operand has no expression then
  bool writes = false;
  bool removes = false;         // the name is gone afterwards
  bool replaces = false;        // a result for no slice takes the tensor's place, whatever its shape and dtype were
  bool renames = false;         // takes the tensor that the first reference names, which counts as a new one
  bool slice = false;           // may carry one
  bool single = false;          // a pattern that must match exactly one tensor, unless `members` or a result is derived
  bool members = false;         // tensors that are joined to one, or that one is cut into: a list, or a reference that
                                // stands for several by a name that counts them
  bool new_alias = false;       // the alias need not exist yet
  bool begins_model = false;    // an alias that does not exist, and is unlike those that do, begins a model
  bool contributes = false;     // its alias is the one that the step works on; else that of the first that writes
  bool alias_of_first = false;  // written without an alias it has that of the first reference, not the default one
};

namespace roles {
[[nodiscard]] Role source();           // read, sliced or not
[[nodiscard]] Role single_source();    // read; exactly one match
[[nodiscard]] Role paired_source();    // read; named from the match, must exist
[[nodiscard]] Role literal_source();   // read; a literal name, must exist
[[nodiscard]] Role moved();            // read as a whole and removed
[[nodiscard]] Role deleted();          // removed
[[nodiscard]] Role created();          // written; named from the match, must not exist
[[nodiscard]] Role renamed();          // the new name of what the first reference names, must not exist
[[nodiscard]] Role exchanged();        // the same, of names that are all given at once
[[nodiscard]] Role created_literal();  // written; a literal name, must not exist
[[nodiscard]] Role joined();           // read, sliced or not; the tensors that become one
[[nodiscard]] Role join();             // written; what they become, must not exist
[[nodiscard]] Role cut();              // read; the tensor that becomes several
[[nodiscard]] Role cuts();             // written; what it becomes, must not exist
[[nodiscard]] Role updated();          // written; named from the match, must exist, sliced or not
[[nodiscard]] Role assigned();         // written; named from the match, new or replaced
[[nodiscard]] Role assigned_part();    // a slice of it is written; named from the match, must exist
[[nodiscard]] Role in_place();         // selects, is read and rewritten, sliced or not
[[nodiscard]] Role in_place_whole();   // the same without slices
[[nodiscard]] Role rebuilt();          // selects, is read and replaced by a tensor of any shape and dtype
[[nodiscard]] Role loaded();           // a literal name, also of a new alias, must not exist
[[nodiscard]] Role saved();            // a literal name, read as a whole
[[nodiscard]] Role taken_apart();      // read as a whole; the alias that results are written to unless they name one
[[nodiscard]] Role result_beside();    // written; named from the match, under the alias of the first reference
}  // namespace roles

}  // namespace brainsurgery
