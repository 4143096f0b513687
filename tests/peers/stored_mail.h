// Mail as real servers hold it in their queues, read from their files.
//
// A server writes these before it says 250: what lies there is what it took, envelope and all, and
// nothing has to be delivered or waited for.
#pragma once

#include <string>
#include <vector>

namespace support {

struct QueuedMail {
  std::string id;  // the server's
  std::string sender;
  std::vector<std::string> recipients;
  // The fields of the header, each with the LF at its end, folded as they came.
  std::vector<std::string> fields;
  std::string body;  // with LF line ends
};

// What lies in a folder of Postfix's queue, by the word of its own postcat.
[[nodiscard]] std::vector<QueuedMail> postfix_queue(const std::string& configuration,
                                                    const std::string& folder);
// ID-H and ID-D in the folder input of Exim's spool.
[[nodiscard]] std::vector<QueuedMail> exim_queue(const std::string& folder);
// Folders with `message` and envelopes below the folder queue of OpenSMTPD's spool.
[[nodiscard]] std::vector<QueuedMail> opensmtpd_queue(const std::string& folder);

}  // namespace support
