#include "relay/offered.h"

namespace relay {

smtp::Extensions extensions_for(Delivery delivery, const smtp::Extensions* last_known,
                                bool is_fresh) {
  smtp::Extensions extensions = last_known != nullptr ? *last_known : smtp::Extensions{};
  if (delivery == Delivery::relay) return extensions;
  extensions.binarymime = false;
  if (delivery == Delivery::fallback && is_fresh) return extensions;
  extensions.eight_bit_mime = true;
  extensions.chunking = true;
  return extensions;
}

}  // namespace relay
