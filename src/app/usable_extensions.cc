// See usable_extensions.h.
#include "app/usable_extensions.h"

namespace app {

smtp::Extensions usable_extensions(smtp::Extensions offered, const config::Smarthost& smarthost,
                                   bool has_tls) {
  if (!smarthost.chunking) offered.chunking = offered.binarymime = false;
  if (!has_tls || smarthost.login.is_configured()) offered.auth_mechanisms.clear();
  return offered;
}

}  // namespace app
