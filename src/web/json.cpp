#include "web/json.h"

#include <cmath>

#include "brainsurgery/error.h"

namespace brainsurgery::web {

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json number_of(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

Json object_of(std::string_view text) {
  const auto limited = [keys = 0](int depth, Json::parse_event_t event, const Json&) mutable {
    if (depth > kMaxDepth) throw Error(ErrorCode::plan, "the JSON of the request is nested too deeply");
    // A new key is compared with all that its object has.
    if (event == Json::parse_event_t::key && ++keys > kMaxKeys)
      throw Error(ErrorCode::plan, "the JSON of the request has too many keys");
    return true;
  };
  try {
    Json json = Json::parse(text, limited);
    if (!json.is_object()) throw Error(ErrorCode::plan, "the request must be a JSON object");
    return json;
  } catch (const Json::exception&) {  // its message repeats what was sent
    throw Error(ErrorCode::plan, "the request is not valid JSON");
  }
}

}  // namespace brainsurgery::web
