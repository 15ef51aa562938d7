#include "cases/tensor_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "formats/safetensors.h"
#include "support/temp_dir.h"

namespace brainsurgery::cases {
namespace {

template <typename T>
void append(std::vector<std::byte>& bytes, T value) {
  const auto raw = std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

template <typename T>
T element(const std::vector<std::byte>& bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

// The value of 16 bits with so many of them for the exponent.
double half_value(std::uint16_t bits, int exponent_bits) {
  const int mantissa_bits = 15 - exponent_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits & 0x7fff) >> mantissa_bits;
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  double value = std::ldexp(exponent == 0 ? mantissa : mantissa + (1 << mantissa_bits),
                            std::max(exponent, 1) - bias - mantissa_bits);
  if (exponent == (1 << exponent_bits) - 1)
    value = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  return (bits & 0x8000) != 0 ? -value : value;
}

// By trying all: nothing here shares an idea, or a mistake, with the program.
std::uint16_t half_bits(double value, int exponent_bits) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const double candidate = half_value(static_cast<std::uint16_t>(bits), exponent_bits);
    if (candidate == value && std::signbit(candidate) == std::signbit(value)) return static_cast<std::uint16_t>(bits);
  }
  if (std::isnan(value)) return exponent_bits == 5 ? 0x7e00 : 0x7fc0;
  throw std::runtime_error(fmt::format("{} is no value of this half type", value));
}

template <typename T>
T integer(const std::string& word) {
  std::size_t used = 0;
  const T value =
      std::is_signed_v<T> ? static_cast<T>(std::stoll(word, &used)) : static_cast<T>(std::stoull(word, &used));
  if (used != word.size() || std::to_string(value) != word) throw std::runtime_error("'" + word + "' does not fit");
  return value;
}

void append_number(std::vector<std::byte>& bytes, DType dtype, const std::string& word) {
  switch (dtype) {
    case DType::BOOL:
    case DType::U8:
      return append(bytes, integer<std::uint8_t>(word));
    case DType::I8:
      return append(bytes, integer<std::int8_t>(word));
    case DType::I16:
      return append(bytes, integer<std::int16_t>(word));
    case DType::U16:
      return append(bytes, integer<std::uint16_t>(word));
    case DType::I32:
      return append(bytes, integer<std::int32_t>(word));
    case DType::U32:
      return append(bytes, integer<std::uint32_t>(word));
    case DType::I64:
      return append(bytes, integer<std::int64_t>(word));
    case DType::U64:
      return append(bytes, integer<std::uint64_t>(word));
    case DType::F16:
      return append(bytes, half_bits(std::stod(word), 5));
    case DType::BF16:
      return append(bytes, half_bits(std::stod(word), 8));
    case DType::F32:
      return append(bytes, std::stof(word));
    case DType::F64:
      return append(bytes, std::stod(word));
    default:
      throw std::runtime_error("elements of this dtype are written as hex");
  }
}

std::string number_text(const SmallTensor& tensor, std::size_t index) {
  switch (tensor.desc.dtype) {
    case DType::BOOL:
    case DType::U8:
      return std::to_string(element<std::uint8_t>(tensor.bytes, index));
    case DType::I8:
      return std::to_string(element<std::int8_t>(tensor.bytes, index));
    case DType::I16:
      return std::to_string(element<std::int16_t>(tensor.bytes, index));
    case DType::U16:
      return std::to_string(element<std::uint16_t>(tensor.bytes, index));
    case DType::I32:
      return std::to_string(element<std::int32_t>(tensor.bytes, index));
    case DType::U32:
      return std::to_string(element<std::uint32_t>(tensor.bytes, index));
    case DType::I64:
      return std::to_string(element<std::int64_t>(tensor.bytes, index));
    case DType::U64:
      return std::to_string(element<std::uint64_t>(tensor.bytes, index));
    case DType::F16:
      return fmt::format("{}", half_value(element<std::uint16_t>(tensor.bytes, index), 5));
    case DType::BF16:
      return fmt::format("{}", half_value(element<std::uint16_t>(tensor.bytes, index), 8));
    case DType::F32:
      return fmt::format("{}", element<float>(tensor.bytes, index));
    case DType::F64:
      return fmt::format("{}", element<double>(tensor.bytes, index));
    default:
      return "";
  }
}

bool has_numbers(DType dtype) {
  const std::string_view name = info(dtype).name;
  return !name.starts_with("F8") && !name.starts_with("F6_") && name != "F4" && name != "C64";
}

std::string words_of(const SmallTensor& tensor) {
  if (tensor.bytes.empty()) return "";
  std::string words = has_numbers(tensor.desc.dtype) ? "" : " hex";
  if (words.empty()) {
    for (std::size_t i = 0; std::cmp_less(i, element_count(tensor.desc.shape)); ++i)
      words += " " + number_text(tensor, i);
  } else {
    for (const std::byte byte : tensor.bytes) words += fmt::format(" {:02x}", static_cast<int>(byte));
  }
  return words;
}

}  // namespace

SmallTensor parse_tensor(const std::string& line) {
  SmallTensor tensor;
  std::string dtype;
  std::istringstream words(line);
  words >> tensor.name >> dtype;
  const std::size_t open = line.rfind('['), close = line.rfind(']'), equals = line.find('=', close);
  const std::optional<DType> known = dtype_from_safetensors(dtype);
  if (!known || close == std::string::npos || equals == std::string::npos)
    throw std::runtime_error("not a tensor: " + line);
  tensor.desc.dtype = *known;
  std::string sizes = line.substr(open + 1, close - open - 1);
  std::ranges::replace(sizes, ',', ' ');
  std::istringstream shape(sizes);
  for (std::int64_t size = 0; shape >> size;) tensor.desc.shape.push_back(size);

  std::istringstream elements(line.substr(equals + 1));
  bool hex = false;
  std::string last;
  const auto wanted = static_cast<std::size_t>(byte_count(*known, tensor.desc.shape));
  const auto add = [&](const std::string& word) {
    if (hex) {
      tensor.bytes.push_back(static_cast<std::byte>(std::stoi(word, nullptr, 16)));
    } else {
      append_number(tensor.bytes, *known, word);
    }
  };
  for (std::string word; elements >> word; last = word) {
    if (word == "hex") {
      hex = true;
    } else if (word == "...") {
      while (tensor.bytes.size() < wanted) add(last);
    } else {
      add(word);
    }
  }
  if (tensor.bytes.size() != wanted) throw std::runtime_error("wrong number of elements: " + line);
  return tensor;
}

std::string to_string(const SmallTensor& tensor) {
  return fmt::format("{} {} {} ={}", tensor.name, info(tensor.desc.dtype).name,
                     brainsurgery::to_string(tensor.desc.shape), words_of(tensor));
}

void write_checkpoint(const std::string& path, const std::vector<SmallTensor>& tensors) {
  std::vector<StoredTensor> descs;
  for (const SmallTensor& tensor : tensors) descs.push_back({tensor.name, tensor.desc});
  const SafetensorsLayout layout = layout_safetensors(descs, {});
  std::string content = layout.header;
  for (const std::size_t i : layout.order)
    content.append(reinterpret_cast<const char*>(tensors[i].bytes.data()), tensors[i].bytes.size());
  testing::write_file(path, content);
}

std::vector<SmallTensor> read_checkpoint(const std::string& path) {
  std::vector<SmallTensor> tensors;
  for (const TensorEntry& entry : open_checkpoint(posix_env(), all_formats(), path).tensors) {
    SmallTensor tensor{
        entry.name, entry.desc,
        std::vector<std::byte>(static_cast<std::size_t>(byte_count(entry.desc.dtype, entry.desc.shape)))};
    entry.file->read(entry.offset, tensor.bytes);
    tensors.push_back(std::move(tensor));
  }
  std::ranges::sort(tensors, {}, &SmallTensor::name);
  return tensors;
}

}  // namespace brainsurgery::cases
