// See mbedtls_chain_order.h.
#include "tls/mbedtls_chain_order.h"

#include <algorithm>
#include <vector>

#include "tls/mbedtls_certificates.h"

namespace tls::mbed {

namespace {

using Order = std::vector<const mbedtls_x509_crt*>;

Order as_sent(const mbedtls_x509_crt& chain) {
  Order order;
  for (const mbedtls_x509_crt* each = &chain; each != nullptr; each = each->next) {
    order.push_back(each);
  }
  return order;
}

// By names alone: whether the signatures agree is found out when the chain is verified. Of several
// issuers of one name all stay behind what they issued.
Order as_issued(Order order) {
  for (std::size_t at = 0; at + 1 < order.size(); ++at) {
    const std::string_view issuer = view_of(order[at]->issuer_raw);
    const auto next = order.begin() + static_cast<std::ptrdiff_t>(at) + 1;
    const auto found = std::find_if(next, order.end(), [issuer](const mbedtls_x509_crt* each) {
      return view_of(each->subject_raw) == issuer;
    });
    if (found == order.end()) break;
    std::rotate(next, found, found + 1);
  }
  return order;
}

}  // namespace

std::unique_ptr<Certificates> in_order(const mbedtls_x509_crt& chain) {
  const Order sent = as_sent(chain);
  const Order issued = as_issued(sent);
  if (issued == sent) return nullptr;
  auto out = std::make_unique<Certificates>();
  const AddCertificate add = adder_to(out->raw, on_unknown_extension);
  for (const mbedtls_x509_crt* each : issued) {
    if (add(view_of(each->raw))) return nullptr;
  }
  return out;
}

}  // namespace tls::mbed
