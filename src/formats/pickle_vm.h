// Pickles, read symbolically: a tree of what the pickle says, in which nothing is imported, called or set.
//
//   PickleTree tree = read_pickle(bytes, kTorchGlobals, "'a.pt': invalid pickle");
//   const PickleNode& root = tree[tree.root];
//   if (root.kind == PickleNode::Kind::dict) for (i = 0; i < root.items.size(); i += 2) use(root.items[i], ...);
//
// Protocols 0 to 5 as far as PyTorch writes them: no text opcodes of protocol 0 but GLOBAL, no INST, OBJ, EXT, PERSID
// and out-of-band buffers. A global that is not on the caller's list is an error even where it is dropped again; the
// list also says what calling it means. Shared parts stay shared, so the tree is as large as the pickle at most; it may
// contain itself: walk it with a limit. Source: the pickletools module of CPython, and formats "PyTorch zip archives".
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brainsurgery {

inline constexpr std::int64_t kMaxPickleBytes = 128 << 20;
inline constexpr std::int64_t kMaxDeflatedPickle = 32 << 20;  // where an archive compresses it; PyTorch does not
inline constexpr std::size_t kMaxPickleNodes = 3'000'000;     // 250,000 tensors; 200 MB
// Of all names that are made of texts: a long one stands in the pickle once and can be part of many names.
inline constexpr std::size_t kMaxNameBytes = 128 << 20;
inline constexpr std::size_t kMaxPickleMarks = 1000;   // open at a time
inline constexpr std::size_t kMaxPickleGlobal = 4096;  // bytes of "module.name"

using PickleRef = std::uint32_t;  // a place in PickleTree::nodes

struct PickleNode {
  enum class Kind : std::uint8_t {
    none,
    boolean,      // integer
    integer,      // integer
    big_integer,  // beyond 64 bits
    real,
    text,        // text, valid UTF-8
    bytes,       // text
    tuple,       // items
    list,        // items
    set,         // items
    dict,        // items: key, value, key, value, ... as they were set
    global,      // text: "module.name"
    object,      // items: the global that was called, its arguments (a tuple), what was set on the result, if anything
    persistent,  // items: the identifier
  };
  Kind kind = Kind::none;
  std::int64_t integer = 0;
  std::string_view text = {};  // into the pickle, or for globals into PickleTree::names
  std::vector<PickleRef> items = {};
};

// What a global is good for; anything may be mentioned, little may be called.
enum class PickleGlobal : std::uint8_t {
  value,         // a class or a constant: may be mentioned
  call,          // gives an object; the caller of read_pickle interprets it
  ordered_dict,  // called with nothing, with pairs, or with a dict: a dict
  set,           // called with a list: a set
  bytes_of,      // _codecs.encode(text, "latin1"): an object
  bytearray_of,  // called with nothing, bytes or bytes_of
};

// The use of "module.name", nullopt where it is not allowed. Names as Python 3 spells them: "builtins.set".
using PickleGlobals = std::function<std::optional<PickleGlobal>(std::string_view name)>;

struct PickleTree {
  std::deque<PickleNode> nodes;   // small immutable values that are equal share one
  std::deque<std::string> names;  // of globals
  PickleRef root = 0;
  std::int64_t size = 0;  // bytes up to and including STOP

  [[nodiscard]] const PickleNode& operator[](PickleRef ref) const { return nodes[ref]; }
  // Of an object: what was called; empty for other kinds.
  [[nodiscard]] std::string_view callee(PickleRef ref) const;
  [[nodiscard]] std::span<const PickleRef> arguments(PickleRef object) const;
};

// Reads the pickle at the beginning of `bytes`, which must outlive the tree. Throws Error(run) "<context>: <reason>".
[[nodiscard]] PickleTree read_pickle(std::string_view bytes, const PickleGlobals& globals, const std::string& context);

// The kind in words, for messages: "a string".
[[nodiscard]] std::string_view describe(PickleNode::Kind kind);

}  // namespace brainsurgery
