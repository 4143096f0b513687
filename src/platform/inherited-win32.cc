// Windows: no service manager passes sockets. See inherited.h.
#include "platform/inherited.h"

namespace platform {

base::Result<InheritedSockets> take_inherited_sockets() { return InheritedSockets{}; }

}  // namespace platform
