// The machine behind read_pickle: its opcodes share the stack, the memo and the limits. pickle_opcodes.cpp says what each
// opcode does, pickle_machine.cpp how values are made, called and kept within memory; nothing else runs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/pickle_memo.h"
#include "formats/pickle_vm.h"

namespace brainsurgery {

// A container of nothing, or a text of no bytes.
[[nodiscard]] inline PickleNode empty_node(PickleNode::Kind kind) {
  PickleNode node{.kind = kind, .integer = 0};
  node.refs = nullptr;
  return node;
}

class PickleMachine {
 public:
  PickleMachine(std::string_view bytes, const PickleGlobals& globals, const std::string& context, std::int64_t stored)
      : bytes_(bytes), globals_(globals), context_(context), stored_(stored) {
    no_value_ = add({});
  }

  PickleTree run();

 private:
  [[noreturn]] void fail(const std::string& reason) const;
  void step(unsigned char opcode);
  bool step_container(unsigned char opcode);
  bool step_atom(unsigned char opcode);
  bool step_memo(unsigned char opcode);

  // The bytes of the pickle.
  std::string_view take(std::uint64_t count);
  std::uint64_t number(int bytes);
  std::string_view line();
  std::string_view counted(int length_bytes) { return take(number(length_bytes)); }

  // Memory.
  void charge(std::int64_t bytes);
  PickleRef add(const PickleNode& node);
  [[nodiscard]] PickleNode& node(PickleRef ref) {
    return tree_.chunks_[ref / PickleTree::kChunk][ref % PickleTree::kChunk];
  }
  PickleRef* room_for(std::size_t items);
  void extend(PickleRef container, std::span<const PickleRef> items);

  // The stack.
  void push(PickleRef ref);
  void push(const PickleNode& node) { push(add(node)); }
  void push_integer(std::int64_t integer);
  void push_integer(std::string_view twos_complement);
  void push_items(PickleNode::Kind kind, std::span<const PickleRef> items);
  void push_text(PickleNode::Kind kind, std::string_view text);
  void push_utf8(std::string_view text);
  PickleRef pop();
  PickleRef top();
  // What stands above the last mark, which the function drops; valid until the next push.
  std::span<const PickleRef> pop_to_mark();

  void global(std::string_view module, std::string_view name);
  void call(PickleRef callee, PickleRef arguments);
  void call_global(PickleGlobal use, PickleRef callee, PickleRef arguments);
  void build(PickleRef object, PickleRef state);
  void extend_object(PickleRef object);
  // The container itself, or the content of an object.
  PickleRef container(PickleRef ref, PickleNode::Kind kind, const char* what);
  void set_items(PickleRef dict, std::span<const PickleRef> pairs);
  void require_hashable(std::span<const PickleRef> keys, std::size_t step = 1) const;
  void memoize(std::uint64_t slot);
  [[nodiscard]] bool is_bytes(PickleRef ref) const;

  std::string_view bytes_;
  const PickleGlobals& globals_;
  const std::string& context_;
  std::size_t at_ = 0;
  std::size_t opcode_at_ = 0;
  std::int64_t stored_;
  std::int64_t held_ = 0;  // bytes of memory
  std::vector<PickleRef> stack_;
  std::vector<std::size_t> marks_;
  Memo memo_;
  PickleRef no_value_ = 0;
  std::array<PickleRef, 2> booleans_{kNoRef, kNoRef};
  PickleRef empty_tuple_ = kNoRef;
  std::vector<PickleRef> small_integers_;            // by value
  std::map<std::string, PickleRef, std::less<>> known_globals_;  // the pickle chooses the names
  std::unordered_map<PickleRef, PickleGlobal> uses_;
  PickleRef* free_items_ = nullptr;  // the rest of the last chunk
  std::size_t free_count_ = 0;
  PickleTree tree_;
};

}  // namespace brainsurgery
