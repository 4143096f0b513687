// The part of a delivery status notification that people read.
#pragma once

#include <string>

#include "smtp/delivery_status.h"

namespace smtp {

// "5.1.1" (RFC 3463): what the reply says, as far as it fits the action, else a general one.
[[nodiscard]] std::string delivery_status_code(const RecipientReport& recipient);

[[nodiscard]] std::string delivery_subject(const DeliveryReport& report);

// What happened, to whom, what was said about it, what to do: UTF-8 in lines of at most kGoodLine
// octets, without a control character but CRLF.
[[nodiscard]] std::string delivery_words(const DeliveryReport& report);

}  // namespace smtp
