// Books of what clients sent and what a server holds: every difference is a finding.
#pragma once

#include <string>
#include <vector>

#include "peers/client_reading.h"
#include "peers/stored_mail.h"

namespace support {

// One line for each mail that is missing, was never sent, or differs: in its envelope, in a field
// of its header, in its body. Before the fields that were sent there must stand exactly two others,
// the Received lines of the server and of smtpseal.
[[nodiscard]] std::vector<std::string> differences(const std::vector<ClientMail>& sent,
                                                   const std::vector<QueuedMail>& held);

// Of those commands the ones with an address that no client gave in a command of its own.
[[nodiscard]] std::vector<std::string> strangers(const std::vector<std::string>& commands,
                                                 const std::vector<std::string>& addresses);

// Bytes as a test's message shows them.
[[nodiscard]] std::string shown(const std::string& bytes);

}  // namespace support
