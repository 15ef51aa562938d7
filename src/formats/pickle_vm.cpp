#include "formats/pickle_vm.h"

#include <algorithm>

#include "formats/pickle_machine.h"

namespace brainsurgery {

using Kind = PickleNode::Kind;

std::string_view PickleTree::callee(PickleRef ref) const {
  const PickleNode& node = (*this)[ref];
  if (node.kind != Kind::object) return {};
  const PickleNode& called = (*this)[node.items()[0]];
  return called.kind == Kind::global ? called.text() : std::string_view();
}

std::span<const PickleRef> PickleTree::arguments(PickleRef ref) const {
  const PickleNode& node = (*this)[ref];
  return node.kind == Kind::object ? (*this)[node.items()[1]].items() : std::span<const PickleRef>();
}

const PickleNode& PickleTree::part(PickleRef object, std::size_t number) const {
  static constexpr PickleNode kNone{};
  const PickleNode& node = (*this)[object];
  return node.kind == Kind::object && node.size > number ? (*this)[node.items()[number]] : kNone;
}

std::optional<PickleRef> PickleTree::field(const PickleNode& dict, std::string_view key) const {
  if (dict.kind != PickleNode::Kind::dict) return std::nullopt;
  const std::span<const PickleRef> items = dict.items();
  for (std::size_t i = 0; i < std::min(items.size(), 2 * kMaxPickleFields); i += 2) {
    const PickleNode& candidate = (*this)[items[i]];
    if (candidate.kind == PickleNode::Kind::text && candidate.text() == key) return items[i + 1];
  }
  return std::nullopt;
}

PickleTree read_pickle(std::string_view bytes, const PickleGlobals& globals, const std::string& context,
                       std::int64_t stored) {
  return PickleMachine(bytes, globals, context, stored).run();
}

std::string_view describe(PickleNode::Kind kind) {
  switch (kind) {
    case Kind::none:
      return "None";
    case Kind::boolean:
      return "a truth value";
    case Kind::integer:
    case Kind::big_integer:
      return "an integer";
    case Kind::real:
      return "a number";
    case Kind::text:
      return "a string";
    case Kind::bytes:
      return "bytes";
    case Kind::tuple:
      return "a tuple";
    case Kind::list:
      return "a list";
    case Kind::set:
      return "a set";
    case Kind::dict:
      return "a dict";
    case Kind::global:
      return "a class or function";
    case Kind::object:
      return "an object";
    case Kind::persistent:
      break;
  }
  return "a storage";
}

}  // namespace brainsurgery
