// Pickles, read symbolically: a tree of what the pickle says, in which nothing is imported, called or set.
//
//   const PickleTree tree = read_pickle(bytes, torch_global, "'a.pt': invalid pickle");
//   const PickleNode& root = tree[tree.root];
//   if (root.kind == PickleNode::Kind::dict) for (i = 0; i < root.items().size(); i += 2) use(root.items()[i], ...);
//
// Protocols 0 to 5 as far as PyTorch writes them: no text opcodes of protocol 0 but GLOBAL, no INST, OBJ, EXT, PERSID
// and out-of-band buffers. The caller says of each global what a call of it means, and which make the pickle an error.
// Shared parts stay shared, so the tree is as large as the pickle at most; it may contain itself: walk it with a limit.
// Source: the pickletools module of CPython, and formats "PyTorch zip archives".
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brainsurgery {

inline constexpr std::int64_t kMaxPickleBytes = 128 << 20;
inline constexpr std::int64_t kMaxDeflatedPickle = 32 << 20;  // where an archive compresses it; PyTorch does not
// What the values of a pickle may take, memo and stack included: so much, and this many times its bytes on the disk.
// A tensor of PyTorch's stands in 130 bytes of pickle and takes 290 bytes here.
inline constexpr std::int64_t kPickleMemory = 64 << 20;
inline constexpr std::int64_t kPickleMemoryPerByte = 2;
inline constexpr std::size_t kMaxPickleMarks = 1000;   // open at a time
inline constexpr std::size_t kMaxPickleGlobal = 4096;  // bytes of "module.name"
// Of an object or a dict of flags. Many values can share a huge one, which would be searched for each of them.
inline constexpr std::size_t kMaxPickleFields = 64;

using PickleRef = std::uint32_t;  // a place in PickleTree::nodes

struct PickleNode {
  enum class Kind : std::uint8_t {
    none,
    boolean,      // integer
    integer,      // integer
    big_integer,  // text: beyond 64 bits, little-endian
    real,         // number
    text,         // text, valid UTF-8
    bytes,        // text
    global,       // text: "module.name"
    tuple,        // items
    list,         // items
    set,          // items
    dict,         // items: key, value, key, value, ... as they were set
    object,       // see PickleTree
    persistent,   // items: the identifier
  };
  Kind kind = Kind::none;
  std::uint32_t size = 0;  // bytes of text, or items
  union {
    std::int64_t integer = 0;
    double number;
    const char* characters;  // in the pickle, or for globals in PickleTree::names
    PickleRef* refs;         // in PickleTree
  };

  [[nodiscard]] std::string_view text() const {
    const bool has_text =
        kind == Kind::text || kind == Kind::bytes || kind == Kind::global || kind == Kind::big_integer;
    return has_text ? std::string_view(characters, size) : std::string_view();
  }
  [[nodiscard]] std::span<const PickleRef> items() const {
    const bool has_items = kind >= Kind::tuple && kind != Kind::global;
    return has_items ? std::span<const PickleRef>(refs, size) : std::span<const PickleRef>();
  }
};

// What a global is good for; anything may be mentioned, little may be called.
enum class PickleGlobal : std::uint8_t {
  value,         // a class or a constant: may be mentioned
  call,          // gives an object; the caller of read_pickle interprets it
  foreign,       // the same, of a program that nobody here knows
  ordered_dict,  // called with nothing, with pairs, or with a dict: a dict
  set,           // called with a list: a set
  bytes_of,      // _codecs.encode(text, "latin1"): an object
  bytearray_of,  // called with nothing, bytes or bytes_of
};

// The use of "module.name", nullopt where it is not allowed. Names as Python 3 spells them: "builtins.set".
using PickleGlobals = std::function<std::optional<PickleGlobal>(std::string_view name)>;

// The values, in chunks that never move. An object is what a call of a global gave: its items are what was called, the
// arguments (a tuple), the state that was set on it, and its content: the list, set or dict of what was put into it.
// None stands for those of the last two that are missing.
class PickleTree {
 public:
  PickleRef root = 0;
  std::int64_t size = 0;               // bytes up to and including STOP
  std::int64_t stored = 0;             // those on the disk
  std::deque<std::string> names = {};  // of globals
  std::vector<std::string_view> foreign = {};  // names of PickleGlobal::foreign, as they were called

  [[nodiscard]] const PickleNode& operator[](PickleRef ref) const { return chunks_[ref / kChunk][ref % kChunk]; }
  [[nodiscard]] std::size_t count() const {
    return chunks_.empty() ? 0 : (chunks_.size() - 1) * kChunk + chunks_.back().size();
  }
  // Of an object: the global that was called; empty for other kinds and other callees.
  [[nodiscard]] std::string_view callee(PickleRef ref) const;
  // Those of an object; none of other kinds.
  [[nodiscard]] std::span<const PickleRef> arguments(PickleRef ref) const;
  [[nodiscard]] const PickleNode& state(PickleRef ref) const { return part(ref, 2); }
  [[nodiscard]] const PickleNode& content(PickleRef ref) const { return part(ref, 3); }
  // The value of a text key among the first kMaxPickleFields pairs of a dict; nullopt for other kinds.
  [[nodiscard]] std::optional<PickleRef> field(const PickleNode& dict, std::string_view key) const;

 private:
  friend class PickleMachine;
  static constexpr std::size_t kChunk = 1 << 16;

  [[nodiscard]] const PickleNode& part(PickleRef object, std::size_t number) const;

  std::vector<std::vector<PickleNode>> chunks_;
  std::vector<std::unique_ptr<PickleRef[]>> items_;
};

// Reads the pickle at the beginning of `bytes`, which must outlive the tree. `stored`: how many bytes it has on the
// disk, where that is less. Throws Error(run) "<context>: <reason>".
[[nodiscard]] PickleTree read_pickle(std::string_view bytes, const PickleGlobals& globals, const std::string& context,
                                     std::int64_t stored = kMaxPickleBytes);

// The kind in words, for messages: "a string".
[[nodiscard]] std::string_view describe(PickleNode::Kind kind);

}  // namespace brainsurgery
