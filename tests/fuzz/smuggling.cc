// A client that sends all kinds of sense and nonsense, smtpseal, and a smarthost that says yes to
// everything: the mails that arrive, the commands that do, and every reply's code are those of a
// second reading of the same bytes (relay/client_model.h).
//
// The input: decisions of the client of relay/babbler.h, an octet each; or, behind an odd octet,
// the client's bytes in lines of the input, cut where it says.
#include <string>

#include "fuzz/byte_choices.h"
#include "fuzz/target.h"
#include "relay/babbler.h"

namespace {

constexpr int kMostCommands = 60;

const std::string kEnvelope = "EHLO c.test\r\nMAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\n";

// Mail data of any bytes in DATA or in one chunk, and a command behind it.
void run_mail_data(fuzz::Input& input) {
  const unsigned manner = input.byte();
  const bool is_chunked = (manner & 1U) != 0;
  const std::size_t step = (manner >> 1U) % 8;
  const std::string bytes(input.rest());
  relay::JudgedSession session(is_chunked);
  session.say(kEnvelope, step);
  if (is_chunked) {
    session.say("BDAT " + std::to_string(bytes.size()) + " LAST\r\n" + bytes, step);
  } else {
    session.say("DATA\r\n", step);
    // Behind the end of the data there are commands of any kind, which the model reads less well.
    const std::string framed = "\r\n" + bytes;
    const std::size_t end = framed.find("\r\n.\r\n");
    session.say(framed.substr(2, end), step);
    session.say("\r\n.\r\n", step);
  }
  session.say(kEnvelope + "QUIT\r\n", step);
  FUZZ_EXPECT_SAYING(session.faults().empty(), fuzz::joined(session.faults()));
}

}  // namespace

FUZZ_TARGET(smuggling) {
  if (input.flag()) return run_mail_data(input);
  fuzz::ByteChoices choices(input);
  relay::Babbler babbler(choices);
  const relay::JudgedSession& session = babbler.run(kMostCommands);
  FUZZ_EXPECT_SAYING(session.faults().empty(), fuzz::joined(session.faults()));
}
