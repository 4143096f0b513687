// What the bytes of a client mean, by the letter of the contract: the mails that a smarthost may
// get of them, and the first digits of the replies.
//
// An independent reading that shares no code with the program. Commands end in CRLF or LF, mail
// data in CRLF.CRLF and in nothing else; a smarthost that takes every recipient is assumed. It
// knows well-formed commands and rubbish, nothing between.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace support {

struct ClientMail {
  std::string sender;
  std::vector<std::string> recipients;
  std::string text;  // header, empty line, body, with LF line ends
};

struct Meaning {
  std::vector<ClientMail> mails;
  std::vector<std::string> addresses;  // of every MAIL and RCPT that was a command
  std::string replies;                 // a digit a reply
  bool is_closed = false;              // by smtpseal: what stands behind that means nothing
};

// `bytes` come behind EHLO, all in one go.
[[nodiscard]] Meaning read_client(std::string_view bytes, bool is_chunking_offered);

// Mail data without stuffing and with LF line ends, for bytes between 354 and CRLF.CRLF.
[[nodiscard]] std::string meaning_of_data(std::string_view data);
// Any line end is one LF: for the bytes of chunks.
[[nodiscard]] std::string with_lf_ends(std::string_view data);

}  // namespace support
