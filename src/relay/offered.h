// What a listener can promise its clients, when the smarthost can be asked and when not.
#pragma once

#include "relay/transaction.h"
#include "smtp/extensions.h"

namespace relay {

// As if they were the smarthost's own. `last_known`: what it offered last, null when it was never
// reached; `is_fresh`: it was reached lately.
//
// A spool takes 8BITMIME and CHUNKING by itself; SMTPUTF8 and DSN ask something of the smarthost,
// so they are promised only if it was known to have them. Octets as they are (BINARYMIME) are not
// kept, for they might find nobody who takes them.
[[nodiscard]] smtp::Extensions extensions_for(Delivery delivery, const smtp::Extensions* last_known,
                                              bool is_fresh);

}  // namespace relay
