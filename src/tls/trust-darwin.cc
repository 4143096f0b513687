// macOS: its own judge of chains, SecTrust, which knows what the user and the administrator trust.
// Revocation is not asked for, as nowhere else in smtpseal.
#include <array>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include <CoreFoundation/CoreFoundation.h>
#include <Security/Security.h>

#include "tls/identity.h"
#include "tls/tls_engine.h"

namespace tls {

namespace {

using base::Error;
using base::Fault;

struct Release {
  void operator()(const void* object) const { CFRelease(object); }
};
// What a function called Create or Copy gave.
template <typename Reference>
using Owned = std::unique_ptr<std::remove_pointer_t<Reference>, Release>;

Error distrust(const std::string& why) {
  return {Fault::tls, "certificate is not trusted by macOS: " + why};
}

std::string text_of(CFStringRef string) {
  std::array<char, 512> text{};
  const bool is_read = string != nullptr &&
                       CFStringGetCString(string, text.data(), text.size(), kCFStringEncodingUTF8);
  return is_read ? text.data() : "no reason was given";
}

// Nothing when one of them cannot be read.
Owned<CFMutableArrayRef> certificates_of(const std::vector<std::string>& chain) {
  Owned<CFMutableArrayRef> list(
      CFArrayCreateMutable(kCFAllocatorDefault, 0, &kCFTypeArrayCallBacks));
  for (const std::string& der : chain) {
    const Owned<CFDataRef> data(CFDataCreate(kCFAllocatorDefault,
                                             reinterpret_cast<const UInt8*>(der.data()),
                                             static_cast<CFIndex>(der.size())));
    const Owned<SecCertificateRef> certificate(
        data ? SecCertificateCreateWithData(kCFAllocatorDefault, data.get()) : nullptr);
    if (!certificate || !list) return nullptr;
    CFArrayAppendValue(list.get(), certificate.get());
  }
  return list;
}

base::Result<void> judge(const std::vector<std::string>& chain, const std::string& server_name) {
  const Owned<CFMutableArrayRef> certificates = certificates_of(chain);
  if (!certificates) return distrust("it cannot be read");
  // As our own rules compare it: in lower case, with no dot at its end. An address is as it was
  // written.
  const ReferenceName reference = parse_reference_name(server_name);
  const std::string& asked = reference.is_ip() ? server_name : reference.dns;
  const Owned<CFStringRef> name(
      CFStringCreateWithCString(kCFAllocatorDefault, asked.c_str(), kCFStringEncodingUTF8));
  const Owned<SecPolicyRef> policy(name ? SecPolicyCreateSSL(true, name.get()) : nullptr);
  if (!policy) return distrust("there is no policy for it");
  SecTrustRef made = nullptr;
  const OSStatus status = SecTrustCreateWithCertificates(certificates.get(), policy.get(), &made);
  const Owned<SecTrustRef> trust(made);
  if (status != errSecSuccess || !trust) return distrust("status " + std::to_string(status));
  CFErrorRef found = nullptr;
  const bool is_trusted = SecTrustEvaluateWithError(trust.get(), &found);
  const Owned<CFErrorRef> error(found);
  if (is_trusted) return {};
  const Owned<CFStringRef> words(error ? CFErrorCopyDescription(error.get()) : nullptr);
  return distrust(text_of(words.get()));
}

}  // namespace

const SystemJudge* system_judge() {
  static constexpr SystemJudge kMacOs = {"trust store of macOS", judge};
  return &kMacOs;
}

}  // namespace tls
