// Judges what smtpseal said to a smarthost, by the letter of the RFCs.
//
// An independent reading of the protocol: no code is shared with the program. Every conversation
// that a test has a scripted smarthost record is judged when the test is over.
#pragma once

#include <string>
#include <vector>

#include "support/connection_record.h"

namespace support {

struct JudgeOptions {
  std::string ehlo_name;          // the only name smtpseal may give
  bool is_clear_allowed = false;  // the test configured tls = none or may
  // Names that it may give inside TLS beside that: the test configured ehlo_name = client.
  std::vector<std::string> client_names = {};
};

// Everything that is wrong with it, one line each; empty when nothing is.
[[nodiscard]] std::vector<std::string> judge(const ConnectionRecord& record,
                                             const JudgeOptions& options);

}  // namespace support
