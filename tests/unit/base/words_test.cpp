// Sizes, numbers, spelling, text and digests: text in, value out.
#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>

#include "base/checked_math.h"
#include "base/numbers.h"
#include "base/sha256.h"
#include "base/spelling.h"
#include "base/text.h"
#include "base/units.h"

namespace brainsurgery {
namespace {

TEST(Units, ParseSize) {
  const std::vector<std::pair<std::string, std::optional<std::int64_t>>> table{{"0B", 0},
                                                                               {"1b", 1},
                                                                               {"1KB", 1024},
                                                                               {" 5 gB ", 5LL << 30},
                                                                               {"2tb", 2LL << 40},
                                                                               {"007mb", 7 << 20},
                                                                               {"8388607TB", 8388607LL << 40},
                                                                               {"8388608TB", {}},
                                                                               {"", {}},
                                                                               {"5", {}},
                                                                               {"GB", {}},
                                                                               {"1.5GB", {}},
                                                                               {"-1GB", {}},
                                                                               {"+1GB", {}},
                                                                               {"1GiB", {}},
                                                                               {"1 G B", {}},
                                                                               {"none", {}},
                                                                               {"9223372036854775808b", {}},
                                                                               {"1_0b", {}},
                                                                               {"1GBx", {}}};
  for (const auto& [text, bytes] : table) EXPECT_EQ(parse_size(text), bytes) << text;
}

TEST(Units, Format) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1024), "1.0 KB");
  EXPECT_EQ(format_size(1024 * 1024 - 1), "1.0 MB");
  EXPECT_EQ(format_size(1288490189), "1.2 GB");
  EXPECT_EQ(format_size(std::numeric_limits<std::int64_t>::max()), "8.0 EB");
  EXPECT_EQ(format_duration(0.003), "3 ms");
  EXPECT_EQ(format_duration(0.26), "0.26 s");
  EXPECT_EQ(format_duration(12.34), "12.3 s");
  EXPECT_EQ(format_duration(59.99), "1 min 00 s");
  EXPECT_EQ(format_duration(3725), "1 h 02 min");
}

TEST(CheckedMath, RefusesOverflow) {
  const std::int64_t max = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(try_add(max - 1, 1), max);
  EXPECT_EQ(try_add(max, 1), std::nullopt);
  EXPECT_EQ(try_multiply(1LL << 31, 1LL << 32), std::nullopt);
  EXPECT_EQ(checked_mul(3, 4), 12);
  EXPECT_THROW((void)checked_add(max, max, "the header"), Error);
}

TEST(Numbers, PythonFloat) {
  const std::vector<std::pair<double, std::string>> table{{0.0, "0.0"},
                                                          {-0.0, "-0.0"},
                                                          {1.0, "1.0"},
                                                          {0.1, "0.1"},
                                                          {-2.5, "-2.5"},
                                                          {123456.789, "123456.789"},
                                                          {0.0001, "0.0001"},
                                                          {0.00001, "1e-05"},
                                                          {0.000012345, "1.2345e-05"},
                                                          {1e15, "1000000000000000.0"},
                                                          {9999999999999998.0, "9999999999999998.0"},
                                                          {1e16, "1e+16"},
                                                          {1.5e300, "1.5e+300"},
                                                          {5e-324, "5e-324"},
                                                          {1.7976931348623157e308, "1.7976931348623157e+308"},
                                                          {static_cast<double>(0.1F), "0.10000000149011612"},
                                                          {HUGE_VAL, "inf"},
                                                          {-HUGE_VAL, "-inf"},
                                                          {std::nan(""), "nan"}};
  for (const auto& [value, text] : table) EXPECT_EQ(python_float(value), text);
}

TEST(Numbers, PrintedFloatsReadBack) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 50000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    ASSERT_EQ(parse_python_float(python_float(value)), value) << python_float(value);
  }
}

TEST(Numbers, ParsePythonFloat) {
  const std::vector<std::pair<std::string, double>> good{{" 1 ", 1},
                                                         {"2e0", 2},
                                                         {"-.5", -0.5},
                                                         {"5.", 5},
                                                         {"1_000.5", 1000.5},
                                                         {"1e1_0", 1e10},
                                                         {"+inf", HUGE_VAL},
                                                         {"-Infinity", -HUGE_VAL},
                                                         {"1e999", HUGE_VAL},
                                                         {"-1e999", -HUGE_VAL},
                                                         {"1e-999", 0},
                                                         {"0e99999999999999999999", 0},
                                                         {"1e99999999999999999999", HUGE_VAL},
                                                         {"1e-99999999999999999999", 0},
                                                         {"5e-324", 5e-324},
                                                         {"2e-324", 0}};
  for (const auto& [text, value] : good) {
    EXPECT_EQ(parse_python_float(text), value) << text;
  }
  EXPECT_TRUE(std::isnan(parse_python_float("NaN").value()));
  for (const char* text : {"", " ", ".", "e5", "1e", "0x10", "1__0", "_1", "1_", "1_.5", "1e_5", "1 2", "infi", "1f",
                           "--1", "+-1", "nan(1)"}) {
    EXPECT_EQ(parse_python_float(text), std::nullopt) << text;
  }
}

TEST(Numbers, ParsePythonInt) {
  EXPECT_EQ(parse_python_int(" -1_0 "), -10);
  EXPECT_EQ(parse_python_int("+007"), 7);
  EXPECT_EQ(parse_python_int("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  for (const char* text : {"", "-", "1.0", "1e3", "0x1", "1__0", "_1", "9223372036854775808", "1 0", "--1", "+-1"}) {
    EXPECT_EQ(parse_python_int(text), std::nullopt) << text;
  }
}

TEST(Spelling, Nearest) {
  const std::vector<std::string> keys{"from", "to", "dim", "transforms", "output", "From_a"};
  EXPECT_EQ(nearest("form", keys), "from");
  EXPECT_EQ(nearest("transfroms", keys), "transforms");
  EXPECT_EQ(nearest("ouput", keys), "output");
  EXPECT_EQ(nearest("FROM", keys), "from");
  EXPECT_EQ(nearest("zebra", keys), std::nullopt);
  EXPECT_EQ(nearest("x", keys), std::nullopt);
  EXPECT_EQ(nearest("", keys), std::nullopt);
  const std::vector<std::string> ties{"cat", "bat", "hat"};
  EXPECT_EQ(nearest_many("rat", ties, 2), (std::vector<std::string>{"bat", "cat"}));
  EXPECT_EQ(nearest_many("rat", ties, 9).size(), 3U);
}

TEST(Spelling, DidYouMean) {
  const std::vector<std::string> keys{"from", "to"};
  EXPECT_EQ(did_you_mean("form", keys), std::vector<std::string>{"did you mean 'from'?"});
  EXPECT_TRUE(did_you_mean("zebra", keys).empty());
  EXPECT_TRUE(did_you_mean("form", {}).empty());
}

// Plain dynamic programming over the whole table, against the banded one.
int full_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<int>> d(a.size() + 1, std::vector<int>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = static_cast<int>(i + j);
        continue;
      }
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

TEST(Spelling, FindsExactlyWhatIsNearEnough) {
  std::mt19937 random(3);
  const auto word = [&](std::size_t length) {
    std::string text(length, 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % 3);
    return text;
  };
  for (int round = 0; round < 20000; ++round) {
    const std::string a = word(2 + random() % 12), b = word(1 + random() % 14);
    const bool near = full_distance(a, b) <= std::max(1, static_cast<int>(a.size() / 3));
    ASSERT_EQ(nearest(a, std::vector<std::string>{b}).has_value(), near) << a << " " << b;
  }
}

TEST(Spelling, ManyCandidates) {
  std::vector<std::string> names;
  for (int i = 0; i < 100000; ++i) names.push_back("model.layers." + std::to_string(i) + ".self_attn.q_proj.weight");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(nearest("model.layer.77777.self_attn.q_proj.weight", names), "model.layers.77777.self_attn.q_proj.weight");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(Text, Escapes) {
  EXPECT_EQ(escape_for_terminal("h.0.weight \u00e9\u6f22"), "h.0.weight \u00e9\u6f22");
  EXPECT_EQ(escape_for_terminal("\x1b[2J\x7f\n\xc2\x9b"), "\\x1b[2J\\x7f\\x0a\\x9b");
  EXPECT_EQ(escape_for_terminal("a\u202Eb\u2066\u200F"), "a\\u{202e}b\\u{2066}\\u{200f}");
  EXPECT_EQ(escape_for_terminal("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(escape_lines("a\n\x1b\n\nb\n"), "a\n\\x1b\n\nb\n");
  EXPECT_EQ(escape_for_terminal(std::string_view("\0x", 2)), "\\x00x");
}

TEST(Text, Utf8) {
  for (const char* good : {"", "abc", "\u00e9", "\u6f22", "\U0001F600", "\U0010FFFF"}) EXPECT_TRUE(is_valid_utf8(good));
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc1\x81", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe6\xbc", "\xff"}) {
    EXPECT_FALSE(is_valid_utf8(bad)) << escape_for_terminal(bad);
  }
  EXPECT_EQ(trim(" \t a b \n"), "a b");
  EXPECT_EQ(trim("  "), "");
  EXPECT_EQ(ascii_lower("AbZ\u00c9"), "abz\u00c9");
}

TEST(Sha256, KnownDigests) {
  Sha256 hash;
  EXPECT_EQ(hash.hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::string_view text = "abc";
  for (const char& c : text) hash.update(std::as_bytes(std::span(&c, 1)));
  EXPECT_EQ(hash.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Text, PrintableAsciiWhateverTheLengthAndThePlace) {
  EXPECT_TRUE(is_printable_ascii(""));
  for (std::size_t length = 1; length <= 20; ++length) {
    for (std::size_t place = 0; place < length; ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(length, '~');
        text[place] = static_cast<char>(byte);
        EXPECT_EQ(is_printable_ascii(text), byte >= 0x20 && byte <= 0x7e) << length << ' ' << place << ' ' << byte;
      }
    }
  }
}

TEST(Text, CountsWithAPlural) {
  EXPECT_EQ(counted(0, "tensor"), "0 tensors");
  EXPECT_EQ(counted(1, "tensor"), "1 tensor");
  EXPECT_EQ(counted(2, "tensor"), "2 tensors");
}

TEST(Text, NumbersInNamesComeInTheirOrder) {
  const std::vector<std::string> sorted{"",       "h",   "h.0.w", "h.1.w",      "h.2.b",       "h.02.w",    "h.2.w",
                                        "h.10.w", "h.w", "h10",   "layer2.1.x", "layer10.0.x", "layer10.0y"};
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    for (std::size_t j = 0; j < sorted.size(); ++j)
      EXPECT_EQ(naturally_less(sorted[i], sorted[j]), i < j) << sorted[i] << " and " << sorted[j];
  }
}

}  // namespace
}  // namespace brainsurgery
