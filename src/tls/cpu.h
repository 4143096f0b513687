// What the processor can do, where the choice of cipher depends on it.
#pragma once

namespace tls {

// Whether it has instructions for AES: then AES-GCM is faster than ChaCha20, else slower.
[[nodiscard]] bool has_aes_instructions();

}  // namespace tls
