#include "formats/pickle_machine.h"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <optional>
#include <utility>

#include "base/json_text.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "formats/little_endian.h"

namespace brainsurgery {

using Kind = PickleNode::Kind;

namespace {

// Where Python 2 wrote another name for the same thing (formats "PyTorch zip archives", allow-list).
std::string python3_name(std::string_view module, std::string_view name) {
  return std::string(module == "__builtin__" ? "builtins" : module == "copy_reg" ? "copyreg" : module) + "." +
         std::string(name);
}

}  // namespace

void PickleMachine::fail(const std::string& reason) const {
  throw Error(ErrorCode::run, context_ + ": " + reason + " (at byte " + std::to_string(opcode_at_) + ")");
}

std::string_view PickleMachine::take(std::uint64_t count) {
  if (count > bytes_.size() - at_) fail("it ends too early");
  const std::string_view taken = bytes_.substr(at_, static_cast<std::size_t>(count));
  at_ += static_cast<std::size_t>(count);
  return taken;
}

std::uint64_t PickleMachine::number(int bytes) { return little_endian(take(static_cast<std::uint64_t>(bytes))); }

std::string_view PickleMachine::line() {
  const std::size_t end = bytes_.find('\n', at_);
  if (end == std::string_view::npos) fail("it ends too early");
  const std::string_view text = take(end - at_);
  ++at_;
  return text;
}

void PickleMachine::charge(std::int64_t bytes) {
  held_ += bytes;
  const std::int64_t read = std::min(static_cast<std::int64_t>(at_), stored_);
  if (held_ > kPickleMemory + kPickleMemoryPerByte * read)
    fail("its values take more memory than tensors of " + std::to_string(read) + " bytes of pickle need");
}

PickleRef PickleMachine::add(const PickleNode& value) {
  charge(sizeof(PickleNode));
  if (tree_.chunks_.empty() || tree_.chunks_.back().size() == PickleTree::kChunk)
    tree_.chunks_.emplace_back().reserve(PickleTree::kChunk);
  tree_.chunks_.back().push_back(value);
  return static_cast<PickleRef>(tree_.count() - 1);
}

PickleRef* PickleMachine::room_for(std::size_t items) {
  constexpr std::size_t kChunk = 1 << 18;
  charge(static_cast<std::int64_t>(items * sizeof(PickleRef)));
  if (items > free_count_) {
    free_count_ = std::max(kChunk, items);
    tree_.items_.push_back(std::make_unique_for_overwrite<PickleRef[]>(free_count_));
    free_items_ = tree_.items_.back().get();
  }
  free_count_ -= items;
  return std::exchange(free_items_, free_items_ + items);
}

// A list, set or dict has room for the next power of two. `items` may be its own.
void PickleMachine::extend(PickleRef container, std::span<const PickleRef> items) {
  PickleNode& grown = node(container);
  const std::size_t size = grown.size + items.size();
  if (size > grown.size && (grown.size == 0 || size > std::bit_ceil(std::size_t{grown.size}))) {
    PickleRef* refs = room_for(std::bit_ceil(size));
    std::copy_n(grown.refs, grown.size, refs);
    grown.refs = refs;
  }
  std::ranges::copy(items, grown.refs + grown.size);
  grown.size = static_cast<std::uint32_t>(size);
}

void PickleMachine::push(PickleRef ref) {
  if (stack_.size() == stack_.capacity()) {
    const std::size_t more = std::max<std::size_t>(stack_.size(), 64);
    charge(static_cast<std::int64_t>(more * sizeof(PickleRef)));
    stack_.reserve(stack_.size() + more);
  }
  stack_.push_back(ref);
}

PickleRef PickleMachine::top() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("an operation lacks its operand");
  return stack_.back();
}

PickleRef PickleMachine::pop() {
  const PickleRef ref = top();
  stack_.pop_back();
  return ref;
}

std::span<const PickleRef> PickleMachine::pop_to_mark() {
  if (marks_.empty()) fail("an operation lacks its mark");
  const std::span<const PickleRef> items = std::span(stack_).subspan(marks_.back());
  stack_.resize(marks_.back());
  marks_.pop_back();
  return items;
}

void PickleMachine::push_items(Kind kind, std::span<const PickleRef> items) {
  PickleNode made = empty_node(kind);
  const bool grows = kind == Kind::list || kind == Kind::set || kind == Kind::dict;
  if (!items.empty()) {
    made.refs = room_for(grows ? std::bit_ceil(items.size()) : items.size());
    made.size = static_cast<std::uint32_t>(items.size());
    std::ranges::copy(items, made.refs);
  }
  push(made);
}

void PickleMachine::push_text(Kind kind, std::string_view text) {
  PickleNode made = empty_node(kind);
  made.size = static_cast<std::uint32_t>(text.size());
  made.characters = text.data();
  push(made);
}

void PickleMachine::push_utf8(std::string_view text) {
  if (!is_valid_utf8(text)) fail("a string is not valid UTF-8");
  push_text(Kind::text, text);
}

// Small ones are many, and nobody changes them.
void PickleMachine::push_integer(std::int64_t integer) {
  constexpr std::int64_t kShared = 1 << 16;
  if (integer < 0 || integer >= kShared) return push({.kind = Kind::integer, .integer = integer});
  if (small_integers_.empty()) small_integers_.resize(kShared, kNoRef);
  PickleRef& shared = small_integers_[static_cast<std::size_t>(integer)];
  if (shared == kNoRef) shared = add({.kind = Kind::integer, .integer = integer});
  push(shared);
}

void PickleMachine::push_integer(std::string_view twos_complement) {
  if (twos_complement.size() > 8) return push_text(Kind::big_integer, twos_complement);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    const bool negative = !twos_complement.empty() && (static_cast<unsigned char>(twos_complement.back()) & 0x80) != 0;
    const unsigned char byte = i < twos_complement.size() ? static_cast<unsigned char>(twos_complement[i])
                               : negative                 ? 0xFF
                                                          : 0;
    value |= std::uint64_t{byte} << (8 * i);
  }
  push_integer(static_cast<std::int64_t>(value));
}

void PickleMachine::global(std::string_view module, std::string_view name) {
  constexpr std::int64_t kGlobal = 256;  // bytes for one, its names aside
  if (module.size() + name.size() > kMaxPickleGlobal) fail("the name of a global is too long");
  const std::string full = python3_name(module, name);
  if (const auto known = known_globals_.find(full); known != known_globals_.end()) return push(known->second);
  const std::optional<PickleGlobal> use = globals_(full);
  if (!use)
    fail("it asks for " + in_quotes(full) + ", which a checkpoint does not need and this program does not allow");
  if (!is_valid_utf8(full)) fail("the name of a global is not valid UTF-8");
  charge(kGlobal + 2 * static_cast<std::int64_t>(full.size()));
  tree_.names.push_back(full);
  push_text(Kind::global, tree_.names.back());
  known_globals_.emplace(full, stack_.back());
  uses_.emplace(stack_.back(), *use);
}

bool PickleMachine::is_bytes(PickleRef ref) const {
  return tree_[ref].kind == Kind::bytes || tree_.callee(ref) == "_codecs.encode";
}

void PickleMachine::call(PickleRef callee, PickleRef arguments) {
  const Kind kind = tree_[callee].kind;
  if (tree_[arguments].kind != Kind::tuple) fail("the arguments of a call are " + std::string(describe(tree_[arguments].kind)));
  // The result of a call may be a function: a method, a partial one.
  if (kind == Kind::object) return push_items(Kind::object, std::array{callee, arguments});
  if (kind != Kind::global) fail("it calls " + std::string(describe(kind)));
  call_global(uses_.at(callee), callee, arguments);
}

void PickleMachine::call_global(PickleGlobal use, PickleRef callee, PickleRef arguments) {
  const std::string name(tree_[callee].text());
  const std::span<const PickleRef> given = tree_[arguments].items();
  const auto object = [&] { push_items(Kind::object, std::array{callee, arguments}); };
  const auto wrong = [&] { fail(in_quotes(name) + " is called with arguments that it does not take"); };
  switch (use) {
    case PickleGlobal::value:
      fail("it calls " + in_quotes(name) + ", which must not be called");
    case PickleGlobal::foreign:
      tree_.foreign.push_back(tree_[callee].text());
      uses_.at(callee) = PickleGlobal::call;  // one mention is enough
      return object();
    case PickleGlobal::call:
      return object();
    case PickleGlobal::ordered_dict: {
      push_items(Kind::dict, {});
      if (given.empty()) return;
      const PickleNode& content = tree_[given.front()];
      if (given.size() > 1 || (content.kind != Kind::dict && content.kind != Kind::list)) wrong();
      const PickleRef dict = stack_.back();
      if (content.kind == Kind::dict) return set_items(dict, content.items());
      for (const PickleRef item : content.items()) {
        const PickleNode& pair = tree_[item];
        if ((pair.kind != Kind::tuple && pair.kind != Kind::list) || pair.size != 2) wrong();
        set_items(dict, pair.items());
      }
      return;
    }
    case PickleGlobal::set: {
      if (given.size() > 1 || (given.size() == 1 && tree_[given[0]].kind != Kind::list)) wrong();
      const std::span<const PickleRef> members = given.empty() ? given : tree_[given[0]].items();
      require_hashable(members);
      return push_items(Kind::set, members);
    }
    case PickleGlobal::bytes_of:
      if (given.size() != 2 || tree_[given[0]].kind != Kind::text || tree_[given[1]].kind != Kind::text ||
          (tree_[given[1]].text() != "latin1" && tree_[given[1]].text() != "latin-1")) {
        wrong();
      }
      return object();
    case PickleGlobal::bytearray_of:
      // With a number it would ask for that much memory.
      if (given.size() > 2 || (!given.empty() && tree_[given[0]].kind != Kind::text && !is_bytes(given[0]))) wrong();
      return object();
  }
}

void PickleMachine::build(PickleRef object, PickleRef state) {
  const Kind kind = tree_[object].kind;
  // state_dict() of a module sets `_metadata` on its ordered dict, which is nothing that a tensor needs.
  if (kind == Kind::dict) return;
  if (kind != Kind::object) fail("it sets attributes of " + std::string(describe(kind)));
  if (tree_[object].size == 2) extend_object(object);
  node(object).refs[2] = state;
}

void PickleMachine::extend_object(PickleRef object) {
  PickleRef* refs = room_for(4);
  PickleNode& grown = node(object);
  std::copy_n(grown.refs, 2, refs);
  refs[2] = refs[3] = no_value_;
  grown.refs = refs;
  grown.size = 4;
}

// Objects of classes that are derived from list, set or dict are filled like these.
PickleRef PickleMachine::container(PickleRef ref, Kind kind, const char* what) {
  if (tree_[ref].kind == kind) return ref;
  if (tree_[ref].kind != Kind::object) fail(what + std::string(describe(tree_[ref].kind)));
  if (tree_[ref].size == 2) extend_object(ref);
  if (node(ref).refs[3] == no_value_) {
    const PickleRef content = add(empty_node(kind));
    node(ref).refs[3] = content;
  }
  const PickleRef content = node(ref).refs[3];
  if (tree_[content].kind != kind) fail("an object is filled like " + std::string(describe(tree_[content].kind)) + " and like " + std::string(describe(kind)));
  return content;
}

void PickleMachine::set_items(PickleRef dict, std::span<const PickleRef> pairs) {
  const PickleRef filled = container(dict, Kind::dict, "it sets a key of ");
  if (pairs.size() % 2 != 0) fail("a key has no value");
  require_hashable(pairs, 2);
  extend(filled, pairs);
}

void PickleMachine::require_hashable(std::span<const PickleRef> keys, std::size_t step) const {
  for (std::size_t i = 0; i < keys.size(); i += step) {
    const Kind kind = tree_[keys[i]].kind;
    if (kind == Kind::list || kind == Kind::dict || kind == Kind::set) {
      fail("a key is " + std::string(describe(kind)) + ", which Python does not take");
    }
  }
}

void PickleMachine::memoize(std::uint64_t slot) {
  charge(memo_.growth(slot));
  memo_.put(slot, top());
}

}  // namespace brainsurgery
