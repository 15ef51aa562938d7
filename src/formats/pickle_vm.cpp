// The whole machine in one file, on purpose: its opcodes share the stack, the memo and the limits, and a reader who
// asks what a stranger's pickle can do has one place to look.
#include "formats/pickle_vm.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/json_text.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "formats/little_endian.h"

namespace brainsurgery {

using Kind = PickleNode::Kind;

namespace {

constexpr PickleRef kNoRef = ~PickleRef{0};

PickleNode empty(Kind kind) {
  PickleNode node{.kind = kind, .integer = 0};
  node.refs = nullptr;
  return node;
}

// Where Python 2 wrote another name for the same thing (formats "PyTorch zip archives", allow-list).
std::string python3_name(std::string_view module, std::string_view name) {
  return std::string(module == "__builtin__" ? "builtins" : module == "copy_reg" ? "copyreg" : module) + "." +
         std::string(name);
}

// Slots of the memo. PyTorch counts them up; other numbers go to a map, since the pickle could make its keys collide in a
// hash table.
class Memo {
 public:
  // The bytes that it needs more for the slot.
  [[nodiscard]] std::int64_t growth(std::uint64_t slot) const;
  void put(std::uint64_t slot, PickleRef ref);
  [[nodiscard]] PickleRef get(std::uint64_t slot) const;  // kNoRef: never filled
  [[nodiscard]] std::uint64_t filled() const { return filled_; }

 private:
  // A slot far beyond those in use is an odd one.
  [[nodiscard]] bool is_sparse(std::uint64_t slot) const { return slot >= dense_.size() && slot > 2 * filled_ + 4096; }

  std::vector<PickleRef> dense_;
  std::map<std::uint64_t, PickleRef> sparse_;
  std::uint64_t filled_ = 0;
};

std::int64_t Memo::growth(std::uint64_t slot) const {
  constexpr std::int64_t kMapEntry = 64;  // bytes
  if (slot < dense_.size()) return 0;
  if (is_sparse(slot)) return sparse_.contains(slot) ? 0 : kMapEntry;
  return static_cast<std::int64_t>((std::bit_ceil(slot + 1) - dense_.size()) * sizeof(PickleRef));
}

void Memo::put(std::uint64_t slot, PickleRef ref) {
  if (is_sparse(slot)) {
    filled_ += sparse_.insert_or_assign(slot, ref).second ? 1 : 0;
    return;
  }
  if (slot >= dense_.size()) dense_.resize(static_cast<std::size_t>(std::bit_ceil(slot + 1)), kNoRef);
  PickleRef& place = dense_[static_cast<std::size_t>(slot)];
  if (place == kNoRef && (sparse_.empty() || sparse_.erase(slot) == 0)) ++filled_;
  place = ref;
}

PickleRef Memo::get(std::uint64_t slot) const {
  if (slot < dense_.size() && dense_[static_cast<std::size_t>(slot)] != kNoRef)
    return dense_[static_cast<std::size_t>(slot)];
  const auto found = sparse_.find(slot);
  return found == sparse_.end() ? kNoRef : found->second;
}

}  // namespace

class PickleMachine {
 public:
  PickleMachine(std::string_view bytes, const PickleGlobals& globals, const std::string& context, std::int64_t stored)
      : bytes_(bytes), globals_(globals), context_(context), stored_(stored) {
    no_value_ = add({});
  }

  PickleTree run();

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(ErrorCode::run, context_ + ": " + reason + " (at byte " + std::to_string(opcode_at_) + ")");
  }
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
  void push_items(Kind kind, std::span<const PickleRef> items);
  void push_text(Kind kind, std::string_view text);
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
  PickleRef container(PickleRef ref, Kind kind, const char* what);
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
  PickleNode made = empty(kind);
  const bool grows = kind == Kind::list || kind == Kind::set || kind == Kind::dict;
  if (!items.empty()) {
    made.refs = room_for(grows ? std::bit_ceil(items.size()) : items.size());
    made.size = static_cast<std::uint32_t>(items.size());
    std::ranges::copy(items, made.refs);
  }
  push(made);
}

void PickleMachine::push_text(Kind kind, std::string_view text) {
  PickleNode made = empty(kind);
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
  if (*use == PickleGlobal::foreign) tree_.foreign.push_back(tree_.names.back());
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
    case PickleGlobal::call:
    case PickleGlobal::foreign:
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
    const PickleRef content = add(empty(kind));
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
      if (empty_tuple_ == kNoRef) empty_tuple_ = add(empty(Kind::tuple));
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
      const PickleRef dict = add(empty(Kind::dict));
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
