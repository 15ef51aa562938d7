#include "web/guard.h"

#include <gtest/gtest.h>

namespace brainsurgery::web {
namespace {

const std::string kToken(64, 'a');

Guard loopback() { return {{"127.0.0.1:8766", "localhost:8766", "[::1]:8766"}, false, kToken}; }

Asked own_page() {
  Asked asked;
  asked.has_body = true;
  asked.host = "127.0.0.1:8766";
  asked.origin = "http://127.0.0.1:8766";
  asked.fetch_site = "same-origin";
  asked.content_type = "application/json";
  asked.cookies = "theme=dark; brainsurgery_8766=" + kToken;
  return asked;
}

int status_of(const Asked& asked) {
  const std::optional<Refusal> refusal = loopback().refusal(asked);
  return refusal ? refusal->status : 200;
}

TEST(Guard, AnswersItsOwnPage) { EXPECT_EQ(status_of(own_page()), 200); }

TEST(Guard, AnswersAProgramWithTheToken) {
  Asked asked;
  asked.host = "localhost:8766";
  asked.authorization = "Bearer " + kToken;
  EXPECT_EQ(status_of(asked), 200);
  asked.authorization = kToken;
  EXPECT_EQ(status_of(asked), 401);
}

TEST(Guard, RefusesOtherNames) {
  for (const char* host : {"", "127.0.0.1", "127.0.0.1:80", "evil.example:8766", "127.0.0.1:8766.evil.example"}) {
    Asked asked = own_page();
    asked.host = host;
    EXPECT_EQ(status_of(asked), 421) << host;
  }
}

TEST(Guard, TakesNamesInAnyCase) {
  Asked asked = own_page();
  asked.host = "LocalHost:8766";
  EXPECT_EQ(status_of(asked), 200);
}

TEST(Guard, RefusesOtherOrigins) {
  for (const char* origin : {"", "null", "http://evil.example", "https://127.0.0.1:8766", "http://127.0.0.1:8767"}) {
    Asked asked = own_page();
    asked.origin = origin;
    EXPECT_EQ(status_of(asked), 403) << origin;
  }
}

TEST(Guard, RefusesOtherSitesButForLinks) {
  Asked asked = own_page();
  asked.fetch_site = "cross-site";
  EXPECT_EQ(status_of(asked), 403);
  asked.has_body = false;
  asked.origin.reset();
  EXPECT_EQ(status_of(asked), 200);
}

TEST(Guard, RefusesWithoutTheWholeToken) {
  for (const std::string& token : {std::string(), kToken.substr(1), kToken + "a", std::string(64, 'b')}) {
    Asked asked = own_page();
    asked.cookies = "brainsurgery_8766=" + token;
    EXPECT_EQ(status_of(asked), 401) << token;
    asked.cookies = "brainsurgery_8767=" + kToken;
    EXPECT_EQ(status_of(asked), 401);
  }
}

TEST(Guard, WantsJson) {
  for (const char* type : {"", "text/plain", "application/jsonp", "text/plain; application/json"}) {
    Asked asked = own_page();
    asked.content_type = type;
    EXPECT_EQ(status_of(asked), 415) << type;
  }
  Asked asked = own_page();
  asked.content_type = "Application/JSON ; charset=utf-8";
  EXPECT_EQ(status_of(asked), 200);
}

TEST(Guard, KnowsAddressesWhereItListensOnAll) {
  const Guard guard({"box:8766"}, true, kToken);
  Asked asked = own_page();
  asked.origin.reset();
  for (const char* host : {"192.168.1.5:8766", "[fe80::1]:8766", "box:8766"}) {
    asked.host = host;
    EXPECT_FALSE(guard.refusal(asked)) << host;
  }
  for (const char* host : {"evil.example:8766", "192.168.1.5:80", ":8766", "[evil]:8766"}) {
    asked.host = host;
    EXPECT_TRUE(guard.refusal(asked)) << host;
  }
}

TEST(NewToken, IsAnotherOneEachTime) {
  const std::string first = new_token(), second = new_token();
  EXPECT_EQ(first.size(), 64);
  EXPECT_EQ(first.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(first, second);
}

}  // namespace
}  // namespace brainsurgery::web
