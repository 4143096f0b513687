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
Codec workers();             // more than one is for later
Codec listen();              // addresses; unix: and systemd: are for later
Codec allow();               // networks
Codec client_auth();         // a word or file:PATH
Codec sender();              // an address
Codec authorized_senders();  // addresses, and domains with an @ before them
Codec hosts();               // one host; several, srv: and mx: are for later
Codec ehlo_name();           // hostname or a name; client is for later
Codec verify_name();         // host or a name

// A check for later(), of texts that are only kept.
[[nodiscard]] base::Result<bool> socket_address(std::string_view text);

}  // namespace config::codec
