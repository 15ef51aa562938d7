// What the opcodes of a pickle do. Source: the pickletools module of CPython.
#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "brainsurgery/error.h"
#include "formats/little_endian.h"
#include "formats/pickle_machine.h"

namespace brainsurgery {

using Kind = PickleNode::Kind;

bool PickleMachine::step_atom(unsigned char opcode) {
  switch (opcode) {
    case 'N':
      push(no_value_);
      return true;
    case 0x88:    // NEWTRUE
    case 0x89: {  // NEWFALSE
      PickleRef& shared = booleans_[opcode == 0x88 ? 1 : 0];
      if (shared == kNoRef) shared = add({.kind = Kind::boolean, .integer = opcode == 0x88 ? 1 : 0});
      push(shared);
      return true;
    }
    case 'J':  // BININT
      push_integer(take(4));
      return true;
    case 'K':  // BININT1
    case 'M':  // BININT2
      push_integer(static_cast<std::int64_t>(number(opcode == 'K' ? 1 : 2)));
      return true;
    case 0x8a:  // LONG1
      push_integer(counted(1));
      return true;
    case 0x8b: {  // LONG4, its length signed
      const std::uint64_t length = number(4);
      if (length > 0x7FFF'FFFF) fail("an integer has a negative length");
      push_integer(take(length));
      return true;
    }
    case 'G': {  // BINFLOAT, big-endian
      std::string bytes(take(8));
      std::ranges::reverse(bytes);
      push({.kind = Kind::real, .number = std::bit_cast<double>(little_endian(bytes))});
      return true;
    }
    case 'X':  // BINUNICODE
      push_utf8(counted(4));
      return true;
    case 0x8c:  // SHORT_BINUNICODE
      push_utf8(counted(1));
      return true;
    case 0x8d:  // BINUNICODE8
      push_utf8(counted(8));
      return true;
    case 'T': {  // BINSTRING: text of Python 2, its length signed
      const std::uint64_t length = number(4);
      if (length > 0x7FFF'FFFF) fail("a string has a negative length");
      push_utf8(take(length));
      return true;
    }
    case 'U':  // SHORT_BINSTRING
      push_utf8(counted(1));
      return true;
    case 'B':   // BINBYTES
    case 'C':   // SHORT_BINBYTES
    case 0x8e:  // BINBYTES8
    case 0x96:  // BYTEARRAY8
      push_text(Kind::bytes, counted(opcode == 'B' ? 4 : opcode == 'C' ? 1 : 8));
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_container(unsigned char opcode) {
  switch (opcode) {
    case '(':
      if (marks_.size() == kMaxPickleMarks) fail("more than " + std::to_string(kMaxPickleMarks) + " open marks");
      marks_.push_back(stack_.size());
      return true;
    case ')':
      if (empty_tuple_ == kNoRef) empty_tuple_ = add(empty_node(Kind::tuple));
      push(empty_tuple_);
      return true;
    case 0x85:  // TUPLE1 .. TUPLE3
    case 0x86:
    case 0x87: {
      std::array<PickleRef, 3> items{};
      const std::size_t count = opcode - 0x84;
      for (std::size_t i = count; i-- > 0;) items[i] = pop();
      push_items(Kind::tuple, std::span(items).first(count));
      return true;
    }
    case 't':
      push_items(Kind::tuple, pop_to_mark());
      return true;
    case ']':
      push_items(Kind::list, {});
      return true;
    case 'l':
      push_items(Kind::list, pop_to_mark());
      return true;
    case '}':
      push_items(Kind::dict, {});
      return true;
    case 'd': {
      const std::span<const PickleRef> pairs = pop_to_mark();
      const PickleRef dict = add(empty_node(Kind::dict));
      set_items(dict, pairs);
      push(dict);
      return true;
    }
    case 0x8f:  // EMPTY_SET
      push_items(Kind::set, {});
      return true;
    case 0x91: {  // FROZENSET
      const std::span<const PickleRef> members = pop_to_mark();
      require_hashable(members);
      push_items(Kind::set, members);
      return true;
    }
    case 0x90: {  // ADDITEMS
      const std::span<const PickleRef> members = pop_to_mark();
      require_hashable(members);
      extend(container(top(), Kind::set, "it adds members to "), members);
      return true;
    }
    case 'a': {
      const PickleRef item = pop();
      extend(container(top(), Kind::list, "it appends to "), {&item, 1});
      return true;
    }
    case 'e': {
      const std::span<const PickleRef> items = pop_to_mark();
      extend(container(top(), Kind::list, "it appends to "), items);
      return true;
    }
    case 's': {
      const PickleRef value = pop();
      const std::array<PickleRef, 2> pair{pop(), value};
      set_items(top(), pair);
      return true;
    }
    case 'u': {
      const std::span<const PickleRef> pairs = pop_to_mark();
      set_items(top(), pairs);
      return true;
    }
    default:
      return false;
  }
}

bool PickleMachine::step_memo(unsigned char opcode) {
  const auto get = [&](std::uint64_t slot) {
    const PickleRef ref = memo_.get(slot);
    if (ref == kNoRef) fail("memo " + std::to_string(slot) + " was never filled");
    push(ref);
  };
  switch (opcode) {
    case 'q':
      memoize(number(1));
      return true;
    case 'r':
      memoize(number(4));
      return true;
    case 0x94:  // MEMOIZE
      memoize(memo_.filled());
      return true;
    case 'h':
      get(number(1));
      return true;
    case 'j':
      get(number(4));
      return true;
    default:
      return false;
  }
}

void PickleMachine::step(unsigned char opcode) {
  if (step_memo(opcode) || step_container(opcode) || step_atom(opcode)) return;
  switch (opcode) {
    case 0x80:  // PROTO
      if (const std::uint64_t protocol = number(1); protocol > 5)
        fail("pickle protocol " + std::to_string(protocol) + " does not exist");
      return;
    case 0x95:  // FRAME: how much to read ahead; a shorter one than there is does no harm
      if (number(8) > bytes_.size() - at_) fail("a frame reaches beyond its end");
      return;
    case '0':
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();
      } else {
        pop();
      }
      return;
    case '1':
      pop_to_mark();
      return;
    case '2': {
      push(top());
      return;
    }
    case 'c': {
      const std::string_view module = line();
      return global(module, line());
    }
    case 0x93: {  // STACK_GLOBAL
      const PickleRef name = pop(), module = pop();
      if (tree_[name].kind != Kind::text || tree_[module].kind != Kind::text)
        fail("the name of a global is not a string");
      return global(tree_[module].text(), tree_[name].text());
    }
    case 'R':     // REDUCE
    case 0x81: {  // NEWOBJ
      const PickleRef arguments = pop(), callee = pop();
      return call(callee, arguments);
    }
    case 0x92: {  // NEWOBJ_EX, with arguments by name
      const PickleRef named = pop(), arguments = pop(), callee = pop();
      if (tree_[named].kind != Kind::dict) fail("named arguments are " + std::string(describe(tree_[named].kind)));
      return call(callee, arguments);
    }
    case 'b': {
      const PickleRef state = pop();
      return build(top(), state);
    }
    case 'Q': {
      const PickleRef identifier = pop();
      return push_items(Kind::persistent, {&identifier, 1});
    }
    default: {
      constexpr std::string_view kHex = "0123456789abcdef";
      fail(std::string("opcode 0x") + kHex[opcode >> 4] + kHex[opcode & 15] + " is not one that checkpoints use");
    }
  }
}

PickleTree PickleMachine::run() {
  for (;;) {
    opcode_at_ = at_;
    const auto opcode = static_cast<unsigned char>(take(1).front());
    if (opcode == '.') break;
    step(opcode);
  }
  if (!marks_.empty() || stack_.size() != 1) fail("it ends with " + std::to_string(stack_.size()) + " values, not one");
  tree_.root = stack_.back();
  tree_.size = static_cast<std::int64_t>(at_);
  tree_.stored = std::min(tree_.size, stored_);
  return std::move(tree_);
}

}  // namespace brainsurgery
