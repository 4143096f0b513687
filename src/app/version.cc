#include "app/version.h"

#include "net/loop.h"
#include "tls/tls_engine.h"

namespace app {

std::string version_text() {
  return "smtpseal " SMTPSEAL_VERSION " (" + tls::library_version() + ", " +
         net::Loop::library_version() + ")";
}

}  // namespace app
