// The names of the spool's files: see store.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "spool/store.h"

namespace spool {

inline constexpr std::string_view kLock = "lock";
inline constexpr std::string_view kTmp = "tmp";
inline constexpr std::string_view kQueue = "queue";
inline constexpr std::string_view kFailed = "failed";
inline constexpr std::string_view kRequests = "requests";

inline constexpr std::string_view kMail = ".mail";
inline constexpr std::string_view kEnvelope = ".envelope";
inline constexpr std::string_view kSending = ".sending";

[[nodiscard]] std::string join(std::string_view folder, std::string_view name);

// A name of ours in tmp/, queue/ or failed/, taken apart; nothing when it is not ours.
struct FileName {
  std::string_view id;
  std::string_view suffix;  // kMail, kEnvelope or kSending
};
[[nodiscard]] std::optional<FileName> parse_file_name(std::string_view name);

[[nodiscard]] std::string format_request(const Request& request);
[[nodiscard]] std::optional<Request> parse_request(std::string_view name);

}  // namespace spool
