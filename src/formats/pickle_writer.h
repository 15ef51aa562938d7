// Writes the pickles that PyTorch's safe loader reads: protocol 2, with the few opcodes that it knows.
//
//   PickleWriter pickle;
//   pickle.empty_dict(); pickle.mark(); pickle.text("w"); ...; pickle.set_items();
//   std::string bytes = pickle.finish();
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace brainsurgery {

class PickleWriter {
 public:
  PickleWriter();

  void none() { bytes_.push_back('N'); }
  void boolean(bool value) { bytes_.push_back(value ? '\x88' : '\x89'); }
  void integer(std::int64_t value);
  void text(std::string_view value);  // below 4 GiB
  // A text or a global that was written before is taken from the memo.
  void known_text(std::string_view value);
  void global(std::string_view module, std::string_view name);

  void mark() { bytes_.push_back('('); }
  void tuple() { bytes_.push_back('t'); }               // of what follows the mark
  void integers(std::span<const std::int64_t> values);  // a tuple
  void empty_tuple() { bytes_.push_back(')'); }
  void one_tuple() { bytes_.push_back('\x85'); }  // of the last value
  void empty_list() { bytes_.push_back(']'); }
  void empty_dict() { bytes_.push_back('}'); }
  void set_items() { bytes_.push_back('u'); }
  void call() { bytes_.push_back('R'); }
  void new_object() { bytes_.push_back('\x81'); }
  void append() { bytes_.push_back('a'); }  // to a list
  void build() { bytes_.push_back('b'); }
  void persistent() { bytes_.push_back('Q'); }

  [[nodiscard]] std::string finish();

 private:
  bool recall(const std::string& key);
  void remember(const std::string& key);

  std::string bytes_;
  std::map<std::string, std::uint32_t> memo_;
};

}  // namespace brainsurgery
