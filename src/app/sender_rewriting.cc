#include "app/sender_rewriting.h"

namespace app {

std::unique_ptr<SenderRewriting> SenderRewriting::make(const smtp::SenderOptions& options) {
  if (options.address.empty()) return nullptr;
  return std::unique_ptr<SenderRewriting>(new SenderRewriting(options));
}

}  // namespace app
