// The whole machine in one file, on purpose: its opcodes share the stack, the memo and the limits, and a reader who
// asks what a stranger's pickle can do has one place to look.
#include "formats/pickle_vm.h"

#include <array>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/json_text.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "formats/little_endian.h"

namespace brainsurgery {

namespace {

using Kind = PickleNode::Kind;

// Where Python 2 wrote another name for the same thing (formats "PyTorch zip archives", allow-list).
std::string python3_name(std::string_view module, std::string_view name) {
  return std::string(module == "__builtin__" ? "builtins" : module) + "." + std::string(name);
}

class Machine {
 public:
  Machine(std::string_view bytes, const PickleGlobals& globals, const std::string& context)
      : bytes_(bytes), globals_(globals), context_(context) {}

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

  // The stack.
  PickleRef add(PickleNode node);
  void push(PickleNode node) { stack_.push_back(add(std::move(node))); }
  void push_shared(Kind kind, std::int64_t integer = 0);
  PickleRef pop();
  PickleRef top();
  std::vector<PickleRef> pop_to_mark();
  void push_items(Kind kind, std::vector<PickleRef> items) { push({.kind = kind, .items = std::move(items)}); }
  void push_text(std::string_view text);
  void push_integer(std::string_view twos_complement);

  void global(std::string_view module, std::string_view name);
  void call(PickleRef callee, PickleRef arguments);
  void build(PickleRef object, PickleRef state);
  void append(PickleRef list, std::span<const PickleRef> items);
  void set_items(PickleRef dict, std::span<const PickleRef> pairs);
  void require_hashable(PickleRef key) const;
  void count_copied(std::size_t items);
  [[nodiscard]] bool is_bytes(PickleRef ref) const;

  std::string_view bytes_;
  const PickleGlobals& globals_;
  const std::string& context_;
  std::size_t at_ = 0;
  std::size_t opcode_at_ = 0;
  std::vector<PickleRef> stack_;
  std::vector<std::size_t> marks_;
  // The pickle chooses the keys, which could be made to collide in a hash table.
  std::map<std::uint64_t, PickleRef> memo_;
  std::map<std::pair<Kind, std::int64_t>, PickleRef> shared_;
  std::unordered_map<std::string, PickleRef> known_globals_;  // owns the names
  std::unordered_map<PickleRef, PickleGlobal> uses_;
  std::size_t copied_ = 0;
  PickleTree tree_;
};

std::string_view Machine::take(std::uint64_t count) {
  if (count > bytes_.size() - at_) fail("it ends too early");
  const std::string_view taken = bytes_.substr(at_, static_cast<std::size_t>(count));
  at_ += static_cast<std::size_t>(count);
  return taken;
}

std::uint64_t Machine::number(int bytes) { return little_endian(take(static_cast<std::uint64_t>(bytes))); }

std::string_view Machine::line() {
  const std::size_t end = bytes_.find('\n', at_);
  if (end == std::string_view::npos) fail("it ends too early");
  const std::string_view text = take(end - at_);
  ++at_;
  return text;
}

PickleRef Machine::add(PickleNode node) {
  if (tree_.nodes.size() == kMaxPickleNodes) fail("more than " + std::to_string(kMaxPickleNodes) + " values");
  tree_.nodes.push_back(std::move(node));
  return static_cast<PickleRef>(tree_.nodes.size() - 1);
}

PickleRef Machine::top() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("an operation lacks its operand");
  return stack_.back();
}

PickleRef Machine::pop() {
  const PickleRef ref = top();
  stack_.pop_back();
  return ref;
}

std::vector<PickleRef> Machine::pop_to_mark() {
  if (marks_.empty()) fail("an operation lacks its mark");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<PickleRef> items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return items;
}

// Values of a byte or two of which there are many and which nobody changes.
void Machine::push_shared(Kind kind, std::int64_t integer) {
  const auto [at, is_new] = shared_.try_emplace({kind, integer});
  if (is_new) at->second = add({.kind = kind, .integer = integer});
  stack_.push_back(at->second);
}

void Machine::push_text(std::string_view text) {
  if (!is_valid_utf8(text)) fail("a string is not valid UTF-8");
  push({.kind = Kind::text, .text = text});
}

void Machine::push_integer(std::string_view twos_complement) {
  if (twos_complement.size() > 8) return push({.kind = Kind::big_integer, .text = twos_complement});
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    const bool negative = !twos_complement.empty() && (static_cast<unsigned char>(twos_complement.back()) & 0x80) != 0;
    const unsigned char byte = i < twos_complement.size() ? static_cast<unsigned char>(twos_complement[i])
                               : negative                 ? 0xFF
                                                          : 0;
    value |= std::uint64_t{byte} << (8 * i);
  }
  push({.kind = Kind::integer, .integer = static_cast<std::int64_t>(value)});
}

void Machine::global(std::string_view module, std::string_view name) {
  if (module.size() + name.size() > kMaxPickleGlobal) fail("the name of a global is too long");
  const std::string full = python3_name(module, name);
  if (const auto known = known_globals_.find(full); known != known_globals_.end())
    return stack_.push_back(known->second);
  const std::optional<PickleGlobal> use = globals_(full);
  if (!use)
    fail("it asks for " + in_quotes(full) + ", which a checkpoint does not need and this program does not allow");
  // Keys of the map stay where they are while the machine lives; the finished tree gets names of its own.
  const auto entry = known_globals_.emplace(full, PickleRef{}).first;
  entry->second = add({.kind = Kind::global, .text = entry->first});
  uses_.emplace(entry->second, *use);
  stack_.push_back(entry->second);
}

bool Machine::is_bytes(PickleRef ref) const {
  return tree_[ref].kind == Kind::bytes || tree_.callee(ref) == "_codecs.encode";
}

void Machine::call(PickleRef callee, PickleRef arguments) {
  const auto use = uses_.find(callee);
  if (use == uses_.end()) fail("it calls " + std::string(describe(tree_[callee].kind)));
  const std::string name(tree_[callee].text);
  if (tree_[arguments].kind != Kind::tuple) fail("the arguments of " + in_quotes(name) + " are not a tuple");
  // Not a copy, which a few bytes could ask for again and again.
  const std::span<const PickleRef> given = tree_[arguments].items;
  const auto object = [&] { push_items(Kind::object, {callee, arguments}); };
  const auto wrong = [&] { fail(in_quotes(name) + " is called with arguments that it does not take"); };
  switch (use->second) {
    case PickleGlobal::value:
      fail("it calls " + in_quotes(name) + ", which must not be called");
    case PickleGlobal::call:
      return object();
    case PickleGlobal::ordered_dict: {
      push_items(Kind::dict, {});
      if (given.empty()) return;
      const PickleNode& content = tree_[given.front()];
      if (given.size() > 1 || (content.kind != Kind::dict && content.kind != Kind::list)) wrong();
      count_copied(content.items.size());
      std::vector<PickleRef> pairs;
      for (const PickleRef item : content.items) {
        if (content.kind == Kind::dict) {
          pairs.push_back(item);
          continue;
        }
        const PickleNode& pair = tree_[item];
        if ((pair.kind != Kind::tuple && pair.kind != Kind::list) || pair.items.size() != 2) wrong();
        pairs.insert(pairs.end(), pair.items.begin(), pair.items.end());
      }
      return set_items(stack_.back(), pairs);
    }
    case PickleGlobal::set: {
      if (given.size() > 1 || (given.size() == 1 && tree_[given[0]].kind != Kind::list)) wrong();
      std::vector<PickleRef> members = given.empty() ? std::vector<PickleRef>() : tree_[given[0]].items;
      count_copied(members.size());
      for (const PickleRef member : members) require_hashable(member);
      return push_items(Kind::set, std::move(members));
    }
    case PickleGlobal::bytes_of:
      if (given.size() != 2 || tree_[given[0]].kind != Kind::text || tree_[given[1]].kind != Kind::text ||
          (tree_[given[1]].text != "latin1" && tree_[given[1]].text != "latin-1")) {
        wrong();
      }
      return object();
    case PickleGlobal::bytearray_of:
      // With a number it would ask for that much memory.
      if (given.size() > 2 || (!given.empty() && tree_[given[0]].kind != Kind::text && !is_bytes(given[0]))) wrong();
      return object();
  }
}

void Machine::build(PickleRef object, PickleRef state) {
  PickleNode& node = tree_.nodes[object];
  // state_dict() of a module sets `_metadata` on its ordered dict, which is nothing that a tensor needs.
  if (node.kind == Kind::dict) return;
  if (node.kind != Kind::object) fail("it sets attributes of " + std::string(describe(node.kind)));
  node.items.resize(2);
  node.items.push_back(state);
}

void Machine::append(PickleRef list, std::span<const PickleRef> items) {
  PickleNode& node = tree_.nodes[list];
  if (node.kind != Kind::list) fail("it appends to " + std::string(describe(node.kind)));
  node.items.insert(node.items.end(), items.begin(), items.end());
}

void Machine::set_items(PickleRef dict, std::span<const PickleRef> pairs) {
  PickleNode& node = tree_.nodes[dict];
  if (node.kind != Kind::dict) fail("it sets a key of " + std::string(describe(node.kind)));
  if (pairs.size() % 2 != 0) fail("a key has no value");
  for (std::size_t i = 0; i < pairs.size(); i += 2) require_hashable(pairs[i]);
  node.items.insert(node.items.end(), pairs.begin(), pairs.end());
}

void Machine::require_hashable(PickleRef key) const {
  const Kind kind = tree_[key].kind;
  if (kind == Kind::list || kind == Kind::dict || kind == Kind::set) {
    fail("a key is " + std::string(describe(kind)) + ", which Python does not take");
  }
}

// A few bytes can ask for one more copy of a large container.
void Machine::count_copied(std::size_t items) {
  copied_ += items;
  if (copied_ > kMaxPickleNodes) fail("more than " + std::to_string(kMaxPickleNodes) + " values");
}

bool Machine::step_atom(unsigned char opcode) {
  switch (opcode) {
    case 'N':
      push_shared(Kind::none);
      return true;
    case 0x88:  // NEWTRUE
    case 0x89:  // NEWFALSE
      push_shared(Kind::boolean, opcode == 0x88 ? 1 : 0);
      return true;
    case 'J':  // BININT
      push_integer(take(4));
      return true;
    case 'K':  // BININT1
    case 'M':  // BININT2
      push_shared(Kind::integer, static_cast<std::int64_t>(number(opcode == 'K' ? 1 : 2)));
      return true;
    case 0x8a:  // LONG1
      push_integer(counted(1));
      return true;
    case 'G':  // BINFLOAT
      take(8);
      push_shared(Kind::real);
      return true;
    case 'X':  // BINUNICODE
      push_text(counted(4));
      return true;
    case 0x8c:  // SHORT_BINUNICODE
      push_text(counted(1));
      return true;
    case 0x8d:  // BINUNICODE8
      push_text(counted(8));
      return true;
    case 'T': {  // BINSTRING: text of Python 2, its length signed
      const std::uint64_t length = number(4);
      if (length > 0x7FFF'FFFF) fail("a string has a negative length");
      push_text(take(length));
      return true;
    }
    case 'U':  // SHORT_BINSTRING
      push_text(counted(1));
      return true;
    case 'B':   // BINBYTES
    case 'C':   // SHORT_BINBYTES
    case 0x8e:  // BINBYTES8
    case 0x96:  // BYTEARRAY8
      push({.kind = Kind::bytes, .text = counted(opcode == 'B' ? 4 : opcode == 'C' ? 1 : 8)});
      return true;
    default:
      return false;
  }
}

bool Machine::step_container(unsigned char opcode) {
  switch (opcode) {
    case '(':
      if (marks_.size() == kMaxPickleMarks) fail("more than " + std::to_string(kMaxPickleMarks) + " open marks");
      marks_.push_back(stack_.size());
      return true;
    case ')':
      push_shared(Kind::tuple);
      return true;
    case 0x85:  // TUPLE1 .. TUPLE3
    case 0x86:
    case 0x87: {
      std::vector<PickleRef> items(opcode - 0x84);
      for (std::size_t i = items.size(); i-- > 0;) items[i] = pop();
      push_items(Kind::tuple, std::move(items));
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
      const std::vector<PickleRef> pairs = pop_to_mark();
      push_items(Kind::dict, {});
      set_items(stack_.back(), pairs);
      return true;
    }
    case 0x8f:  // EMPTY_SET
      push_items(Kind::set, {});
      return true;
    case 0x91: {  // FROZENSET
      std::vector<PickleRef> members = pop_to_mark();
      for (const PickleRef member : members) require_hashable(member);
      push_items(Kind::set, std::move(members));
      return true;
    }
    case 0x90: {  // ADDITEMS
      const std::vector<PickleRef> members = pop_to_mark();
      for (const PickleRef member : members) require_hashable(member);
      PickleNode& set = tree_.nodes[top()];
      if (set.kind != Kind::set) fail("it adds members to " + std::string(describe(set.kind)));
      set.items.insert(set.items.end(), members.begin(), members.end());
      return true;
    }
    case 'a': {
      const PickleRef item = pop();
      append(top(), {&item, 1});
      return true;
    }
    case 'e': {
      const std::vector<PickleRef> items = pop_to_mark();
      append(top(), items);
      return true;
    }
    case 's': {
      const PickleRef value = pop();
      const std::array<PickleRef, 2> pair{pop(), value};
      set_items(top(), pair);
      return true;
    }
    case 'u': {
      const std::vector<PickleRef> pairs = pop_to_mark();
      set_items(top(), pairs);
      return true;
    }
    default:
      return false;
  }
}

bool Machine::step_memo(unsigned char opcode) {
  const auto get = [&](std::uint64_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) fail("memo " + std::to_string(slot) + " was never filled");
    stack_.push_back(found->second);
  };
  switch (opcode) {
    case 'q':
      memo_[number(1)] = top();
      return true;
    case 'r':
      memo_[number(4)] = top();
      return true;
    case 0x94:  // MEMOIZE
      memo_[memo_.size()] = top();
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

void Machine::step(unsigned char opcode) {
  if (step_memo(opcode) || step_container(opcode) || step_atom(opcode)) return;
  switch (opcode) {
    case 0x80:  // PROTO
      if (const std::uint64_t protocol = number(1); protocol > 5)
        fail("pickle protocol " + std::to_string(protocol) + " does not exist");
      return;
    case 0x95:  // FRAME: how much to read ahead
      number(8);
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
      const PickleRef ref = top();
      stack_.push_back(ref);
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
      return global(tree_[module].text, tree_[name].text);
    }
    case 'R':     // REDUCE
    case 0x81: {  // NEWOBJ
      const PickleRef arguments = pop(), callee = pop();
      return call(callee, arguments);
    }
    case 'b': {
      const PickleRef state = pop();
      return build(top(), state);
    }
    case 'Q': {
      const PickleRef identifier = pop();
      return push_items(Kind::persistent, {identifier});
    }
    default: {
      constexpr std::string_view kHex = "0123456789abcdef";
      fail(std::string("opcode 0x") + kHex[opcode >> 4] + kHex[opcode & 15] + " is not one that checkpoints use");
    }
  }
}

PickleTree Machine::run() {
  for (;;) {
    opcode_at_ = at_;
    const auto opcode = static_cast<unsigned char>(take(1).front());
    if (opcode == '.') break;
    step(opcode);
  }
  if (!marks_.empty() || stack_.size() != 1) fail("it ends with " + std::to_string(stack_.size()) + " values, not one");
  tree_.root = stack_.back();
  tree_.size = static_cast<std::int64_t>(at_);
  for (const auto& [ref, use] : uses_) {
    tree_.names.emplace_back(tree_.nodes[ref].text);
    tree_.nodes[ref].text = tree_.names.back();
  }
  return std::move(tree_);
}

}  // namespace

std::string_view PickleTree::callee(PickleRef ref) const {
  const PickleNode& node = nodes[ref];
  return node.kind == Kind::object ? nodes[node.items[0]].text : std::string_view();
}

std::span<const PickleRef> PickleTree::arguments(PickleRef object) const { return nodes[nodes[object].items[1]].items; }

PickleTree read_pickle(std::string_view bytes, const PickleGlobals& globals, const std::string& context) {
  return Machine(bytes, globals, context).run();
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
