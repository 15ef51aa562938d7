#include "formats/adapted_file.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "brainsurgery/error.h"
#include "brainsurgery/types.h"

namespace brainsurgery {

namespace {

class SwappedFile final : public AdaptedFile {
 public:
  SwappedFile(std::shared_ptr<const ReadableFile> file, std::int64_t begin, std::int64_t size, int item)
      : AdaptedFile(std::move(file), size), begin_(begin), item_(item) {}

  void read(std::int64_t offset, std::span<std::byte> into) const override {
    require_inside(offset, into.size());
    if (into.empty()) return;
    const std::int64_t first = offset - offset % item_;
    const std::int64_t end = offset + std::ssize(into);
    if (first == offset && end % item_ == 0) {
      file_->read(begin_ + first, into);
      return swap(into);
    }
    const std::int64_t last = (end + item_ - 1) / item_ * item_;
    std::vector<std::byte> whole(static_cast<std::size_t>(last - first));
    file_->read(begin_ + first, whole);
    swap(whole);
    std::memcpy(into.data(), whole.data() + (offset - first), into.size());
  }

 private:
  void swap(std::span<std::byte> bytes) const {
    for (auto at = bytes.begin(); at != bytes.end(); at += item_) std::reverse(at, at + item_);
  }
  std::int64_t begin_;
  int item_;
};

class NegatedFile final : public AdaptedFile {
 public:
  NegatedFile(std::shared_ptr<const ReadableFile> file, std::int64_t begin, std::int64_t size, int item, bool even,
              bool odd)
      : AdaptedFile(std::move(file), size), begin_(begin), item_(item), even_(even), odd_(odd) {}

  void read(std::int64_t offset, std::span<std::byte> into) const override {
    require_inside(offset, into.size());
    file_->read(begin_ + offset, into);
    const std::int64_t first = offset / item_;
    for (std::int64_t place = first; place * item_ < offset + std::ssize(into); ++place) {
      const std::int64_t sign = (place + 1) * item_ - 1 - offset;  // the last byte of the float
      if (sign >= 0 && sign < std::ssize(into) && (place % 2 == 0 ? even_ : odd_))
        into[static_cast<std::size_t>(sign)] ^= std::byte{0x80};
    }
  }

 private:
  std::int64_t begin_;
  int item_;
  bool even_, odd_;
};

class AssembledFile final : public AdaptedFile {
 public:
  AssembledFile(std::vector<TensorBox> boxes, std::vector<std::int64_t> shape, std::int64_t item)
      : AdaptedFile(boxes.front().file, element_count(shape) * item),
        boxes_(std::move(boxes)),
        shape_(std::move(shape)),
        item_(item) {}

  void read(std::int64_t offset, std::span<std::byte> into) const override {
    require_inside(offset, into.size());
    for (const TensorBox& box : boxes_) read_box(box, offset, into);
  }
  FileAccess access() const override {
    const auto of_box = [](const TensorBox& box) { return box.file->access(); };
    return std::max(FileAccess::ranges, of_box(*std::ranges::max_element(boxes_, {}, of_box)));
  }
  bool decodes() const override {
    return std::ranges::any_of(boxes_, [](const TensorBox& box) { return box.file->decodes(); });
  }
  std::vector<std::shared_ptr<const ReadableFile>> beneath() const override {
    std::vector<std::shared_ptr<const ReadableFile>> files;
    for (const TensorBox& box : boxes_) files.push_back(box.file);
    return files;
  }

 private:
  // A row of a box is a run of bytes of the tensor; so are several whole rows where the box is as wide as the tensor.
  void read_box(const TensorBox& box, std::int64_t offset, std::span<std::byte> into) const {
    if (std::ranges::find(box.sizes, 0) != box.sizes.end()) return;
    const std::vector<std::int64_t> strides = row_major_strides(shape_);
    std::size_t outer = shape_.size();
    std::int64_t run = item_;
    while (outer > 0) {
      run *= box.sizes[--outer];
      if (box.sizes[outer] != shape_[outer]) break;
    }
    const std::int64_t end = offset + std::ssize(into);
    std::vector<std::int64_t> index(outer, 0);
    std::int64_t done = 0;
    if (outer > 0) {  // what stands before `offset` along the first dimension is skipped
      index[0] = std::max<std::int64_t>(0, offset / item_ / strides[0] - box.starts[0]);
      if (index[0] >= box.sizes[0]) return;
      done = index[0] * run;
      for (std::size_t i = 1; i < outer; ++i) done *= box.sizes[i];
    }
    for (;; done += run) {
      std::int64_t place = 0;
      for (std::size_t i = 0; i < shape_.size(); ++i)
        place += (box.starts[i] + (i < outer ? index[i] : 0)) * strides[i];
      const std::int64_t begin = std::max(place * item_, offset);
      const std::int64_t stop = std::min(place * item_ + run, end);
      if (begin < stop) {
        box.file->read(box.offset + done + begin - place * item_,
                       into.subspan(static_cast<std::size_t>(begin - offset), static_cast<std::size_t>(stop - begin)));
      }
      if (place * item_ >= end) return;
      std::size_t dim = outer;
      while (dim > 0 && ++index[dim - 1] == box.sizes[dim - 1]) index[--dim] = 0;
      if (dim == 0) return;
    }
  }

  std::vector<TensorBox> boxes_;
  std::vector<std::int64_t> shape_;
  std::int64_t item_;
};

}  // namespace

std::shared_ptr<const FileMap> AdaptedFile::map() const {
  fail_check("only files that hold their bytes are mapped", __FILE__, __LINE__);
}

void AdaptedFile::require_inside(std::int64_t offset, std::size_t size) const {
  BS_CHECK(offset >= 0 && offset <= size_ && std::cmp_less_equal(size, size_ - offset));
}

std::shared_ptr<const ReadableFile> byte_swapped(std::shared_ptr<const ReadableFile> file, std::int64_t begin,
                                                 std::int64_t size, int item) {
  BS_CHECK(size % item == 0);
  return std::make_shared<const SwappedFile>(std::move(file), begin, size, item);
}

std::shared_ptr<const ReadableFile> negated(std::shared_ptr<const ReadableFile> file, std::int64_t begin,
                                            std::int64_t size, int item, bool even, bool odd) {
  BS_CHECK(size % item == 0);
  return std::make_shared<const NegatedFile>(std::move(file), begin, size, item, even, odd);
}

std::shared_ptr<const ReadableFile> assembled(std::vector<TensorBox> boxes, std::vector<std::int64_t> shape,
                                              std::int64_t item) {
  BS_CHECK(!boxes.empty());
  return std::make_shared<const AssembledFile>(std::move(boxes), std::move(shape), item);
}

}  // namespace brainsurgery
