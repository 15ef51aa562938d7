// Names in byte order, each with a value.
//
//   NameMap<int> names;
//   names.insert(names.lower_bound("w"), "w", 1);
//   const NameMap<int> before = names;          // shares every block that neither side changes afterwards
//   names.value(names.find("w")) = 2;           // copies the one block that holds "w"
//
// A copy costs as much as there are blocks and a change as much as a block holds, however many names there are.
// Changes make iterators and references of this map invalid, of its copies not.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace brainsurgery {

template <typename T>
class NameMap {
 public:
  using Entry = std::pair<std::string, T>;

 private:
  static constexpr std::size_t kMostEntries = 64;
  using Block = std::vector<Entry>;  // never empty, sorted
  using Blocks = std::vector<std::shared_ptr<Block>>;

 public:
  class const_iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Entry;
    using difference_type = std::ptrdiff_t;
    using pointer = const Entry*;
    using reference = const Entry&;

    const_iterator() = default;
    [[nodiscard]] reference operator*() const { return (*(*blocks_)[block_])[entry_]; }
    [[nodiscard]] pointer operator->() const { return &**this; }
    const_iterator& operator++() {
      if (++entry_ == (*blocks_)[block_]->size()) {
        ++block_;
        entry_ = 0;
      }
      return *this;
    }
    const_iterator operator++(int) {
      const_iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const const_iterator&, const const_iterator&) = default;

   private:
    friend class NameMap;
    const_iterator(const Blocks* blocks, std::size_t block, std::size_t entry)
        : blocks_(blocks), block_(block), entry_(entry) {}

    const Blocks* blocks_ = nullptr;
    std::size_t block_ = 0, entry_ = 0;
  };

  [[nodiscard]] const_iterator begin() const { return {&blocks_, 0, 0}; }
  [[nodiscard]] const_iterator end() const { return {&blocks_, blocks_.size(), 0}; }
  [[nodiscard]] bool empty() const { return blocks_.empty(); }
  [[nodiscard]] std::size_t size() const {
    std::size_t sum = 0;
    for (const std::shared_ptr<Block>& block : blocks_) sum += block->size();
    return sum;
  }

  // The first name that is not below `name`.
  [[nodiscard]] const_iterator lower_bound(std::string_view name) const {
    const auto block = std::ranges::partition_point(
        blocks_, [&](const std::shared_ptr<Block>& candidate) { return candidate->back().first < name; });
    if (block == blocks_.end()) return end();
    const auto entry = std::ranges::partition_point(**block, [&](const Entry& own) { return own.first < name; });
    return {&blocks_, static_cast<std::size_t>(block - blocks_.begin()),
            static_cast<std::size_t>(entry - (*block)->begin())};
  }
  [[nodiscard]] const_iterator find(std::string_view name) const {
    const const_iterator at = lower_bound(name);
    return at != end() && at->first == name ? at : end();
  }

  // To be changed.
  [[nodiscard]] T& value(const_iterator at) { return own(at.block_)[at.entry_].second; }
  void erase(const_iterator at) {
    Block& block = own(at.block_);
    block.erase(block.begin() + static_cast<std::ptrdiff_t>(at.entry_));
    if (block.empty()) blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(at.block_));
  }
  // `at`: lower_bound(name), which is another name.
  void insert(const_iterator at, std::string name, T value) {
    std::size_t number = at.block_, entry = at.entry_;
    if (entry == 0 && number > 0) entry = blocks_[--number]->size();  // names that come in order fill their blocks
    if (blocks_.empty() || entry == kMostEntries) {
      number = blocks_.empty() ? 0 : number + 1;
      entry = 0;
      add_block(number);
    } else if (blocks_[number]->size() == kMostEntries) {
      split(number, std::max(entry, kMostEntries / 2));
    }
    Block& block = own(number);
    block.emplace(block.begin() + static_cast<std::ptrdiff_t>(entry), std::move(name), std::move(value));
  }

 private:
  Block& add_block(std::size_t number) {
    auto block = std::make_shared<Block>();
    block->reserve(kMostEntries);
    return **blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(number), std::move(block));
  }
  // Moves the entries from `first` on into a block of their own.
  void split(std::size_t number, std::size_t first) {
    Block& rest = add_block(number + 1);
    Block& block = own(number);
    const auto middle = block.begin() + static_cast<std::ptrdiff_t>(first);
    rest.assign(std::move_iterator(middle), std::move_iterator(block.end()));
    block.erase(middle, block.end());
  }
  // The block without other owners.
  Block& own(std::size_t number) {
    std::shared_ptr<Block>& block = blocks_[number];
    if (block.use_count() > 1) {
      auto copy = std::make_shared<Block>();
      copy->reserve(kMostEntries);
      copy->assign(block->begin(), block->end());
      block = std::move(copy);
    }
    return *block;
  }

  Blocks blocks_;
};

}  // namespace brainsurgery
