// The values that need a reader of their own: each belongs to one key, or to few.
//
// Private to keys.cc, as codecs.h is.
#pragma once

#include <string_view>

#include "base/result.h"
#include "config/codecs.h"

namespace config::codec {

Codec own_name();            // smtpseal.hostname
Codec log_target();          // stderr or file:PATH; others are for later
Codec workers();             // more than one where loops can share ports
Codec spool_folder();        // a whole path
Codec listen();              // addresses, unix: and systemd:
Codec socket_mode();         // octal
Codec client_auth();         // a word or file:PATH
Codec sender();              // an address
Codec sender_match();        // the same
Codec authorized_senders();  // addresses, and domains with an @ before them
Codec hosts();               // names, addresses, srv: and mx:
Codec ehlo_name();           // hostname, a name or client
Codec verify_name();         // host or a name

Codec networks(std::vector<base::Network> Listener::*member);

// Of credentials (login.cc).
Codec username();
Codec secret_path(std::string Login::*member);
Codec auth_mechanism();

// A check for later(), of texts that are only kept.
[[nodiscard]] base::Result<bool> socket_address(std::string_view text);

}  // namespace config::codec
