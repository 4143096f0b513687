#include "tls/cpu.h"

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace tls {

bool has_aes_instructions() {
#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
  return __builtin_cpu_supports("aes") != 0 && __builtin_cpu_supports("pclmul") != 0;
#elif defined(__aarch64__) && defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_AES) != 0;  // a Raspberry Pi 4, for one, has none
#elif defined(_M_X64) || defined(_M_ARM64) || (defined(__aarch64__) && defined(__APPLE__))
  return true;
#else
  return false;
#endif
}

}  // namespace tls
