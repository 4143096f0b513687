// Windows: its own judge of chains, CryptoAPI. It knows more authorities than its ROOT store lists
// and fetches them, and missing intermediates, when they are needed. Revocation is not asked for,
// as nowhere else in smtpseal.
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

// dwUrlRetrievalTimeout and others of CERT_CHAIN_PARA.
#define CERT_CHAIN_PARA_HAS_EXTRA_FIELDS
#include <windows.h>

#include "tls/identity.h"
#include "tls/tls_engine.h"

namespace tls {

namespace {

using base::Error;
using base::Fault;

constexpr DWORD kFetchPatience = 10000;  // milliseconds

struct CloseStore {
  void operator()(void* store) const { CertCloseStore(store, 0); }
};
using Store = std::unique_ptr<void, CloseStore>;

struct FreeCertificate {
  void operator()(const CERT_CONTEXT* context) const { CertFreeCertificateContext(context); }
};
using Certificate = std::unique_ptr<const CERT_CONTEXT, FreeCertificate>;

struct FreeChain {
  void operator()(const CERT_CHAIN_CONTEXT* chain) const { CertFreeCertificateChain(chain); }
};
using Chain = std::unique_ptr<const CERT_CHAIN_CONTEXT, FreeChain>;

std::string words_in(DWORD language, DWORD code) {
  std::array<char, 512> text{};
  const DWORD length = FormatMessageA(
      FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK,
      nullptr, code, language, text.data(), static_cast<DWORD>(text.size()), nullptr);
  std::string words(text.data(), length);
  while (!words.empty() && words.back() == ' ') words.pop_back();
  return words;
}

// With the number, by which the words of any language are found again: "... (0x800B0109)".
std::string words_of(DWORD code) {
  std::string words = words_in(MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US), code);
  // Not every Windows speaks English; 0 is whatever it speaks.
  if (words.empty()) words = words_in(0, code);
  std::array<char, 16> number{};
  std::snprintf(number.data(), number.size(), "0x%08lX", static_cast<unsigned long>(code));
  return words.empty() ? std::string("error ") + number.data() : words + " (" + number.data() + ")";
}

Error distrust(const std::string& why) {
  return {Fault::tls, "certificate is not trusted by Windows: " + why};
}
Error distrust(DWORD code) { return distrust(words_of(code)); }

// The leaf, with the others beside it in `store`.
Certificate add_to(HCERTSTORE store, const std::vector<std::string>& chain) {
  const CERT_CONTEXT* leaf = nullptr;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const BOOL is_added = CertAddEncodedCertificateToStore(
        store, X509_ASN_ENCODING, reinterpret_cast<const BYTE*>(chain[i].data()),
        static_cast<DWORD>(chain[i].size()), CERT_STORE_ADD_ALWAYS, i == 0 ? &leaf : nullptr);
    if (i == 0 && is_added == 0) return nullptr;
  }
  return Certificate(leaf);
}

Chain build_chain(const CERT_CONTEXT* leaf, HCERTSTORE store) {
  std::string server_auth = szOID_PKIX_KP_SERVER_AUTH;
  std::array<char*, 1> usages = {server_auth.data()};
  CERT_CHAIN_PARA parameters{};
  parameters.cbSize = sizeof parameters;
  parameters.RequestedUsage.dwType = USAGE_MATCH_TYPE_OR;
  parameters.RequestedUsage.Usage.cUsageIdentifier = static_cast<DWORD>(usages.size());
  parameters.RequestedUsage.Usage.rgpszUsageIdentifier = usages.data();
  // For fetching what is missing; whoever asks waits for the verdict only so long.
  parameters.dwUrlRetrievalTimeout = kFetchPatience;
  const CERT_CHAIN_CONTEXT* chain = nullptr;
  const BOOL is_built =
      CertGetCertificateChain(nullptr, leaf, nullptr, store, &parameters, 0, nullptr, &chain);
  return Chain(is_built != 0 ? chain : nullptr);
}

base::Result<void> judge(const std::vector<std::string>& chain, const std::string& server_name) {
  if (chain.empty()) return distrust("there is none");
  const Store store(
      CertOpenStore(CERT_STORE_PROV_MEMORY, 0, 0, CERT_STORE_CREATE_NEW_FLAG, nullptr));
  if (!store) return distrust(GetLastError());
  const Certificate leaf = add_to(store.get(), chain);
  if (!leaf) return distrust(GetLastError());
  const Chain built = build_chain(leaf.get(), store.get());
  if (!built) return distrust(GetLastError());

  // Names are ASCII here. An address is none of its names, and was compared by our own rules.
  const ReferenceName reference = parse_reference_name(server_name);
  std::wstring name(reference.dns.begin(), reference.dns.end());
  SSL_EXTRA_CERT_CHAIN_POLICY_PARA of_server{};
  of_server.cbSize = sizeof of_server;
  of_server.dwAuthType = AUTHTYPE_SERVER;
  of_server.pwszServerName = name.empty() ? nullptr : name.data();
  CERT_CHAIN_POLICY_PARA policy{};
  policy.cbSize = sizeof policy;
  policy.pvExtraPolicyPara = &of_server;
  CERT_CHAIN_POLICY_STATUS status{};
  status.cbSize = sizeof status;
  if (CertVerifyCertificateChainPolicy(CERT_CHAIN_POLICY_SSL, built.get(), &policy, &status) == 0) {
    return distrust(GetLastError());
  }
  if (status.dwError != 0) return distrust(status.dwError);
  return {};
}

}  // namespace

const SystemJudge* system_judge() {
  static constexpr SystemJudge kWindows = {"trust store of Windows", judge};
  return &kWindows;
}

}  // namespace tls
