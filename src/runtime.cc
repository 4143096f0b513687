// What the C++ runtime leaves to the program.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <typeinfo>

#ifdef __GLIBCXX__
#include <cxxabi.h>
#endif
#ifdef __GLIBC__
#include <cstring>
#include <new>

#include <malloc.h>
#endif

#ifdef __GLIBCXX__
// Told of an exception that nobody catches. The runtime's own would take the name of its type
// apart, with a fiftieth of the program.
void __gnu_cxx::__verbose_terminate_handler() {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  const char* const name = type == nullptr ? "none" : type->name();
  try {
    if (type != nullptr) throw;
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "terminate called after exception %s: %s\n", name, exception.what());
    std::abort();
  } catch (...) {
  }
  std::fprintf(stderr, "terminate called, exception: %s\n", name);
  std::abort();
}
#endif

// Sanitizers have their own.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SMTPSEAL_IS_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SMTPSEAL_IS_SANITIZED
#endif

#if defined(__GLIBC__) && !defined(SMTPSEAL_IS_SANITIZED)
namespace {

// Passwords come as lines of an SMTP session, and a text that grows, is moved or cut leaves copies
// behind: every small piece of memory is overwritten before it is given back. Larger ones, of which
// there are as many as there is mail, are not: no line of AUTH comes near (RFC 4954 4 allows 12288
// octets of base64, for tickets; a password of RFC 4616 has 255).
constexpr std::size_t kSmall = 4096;

void wipe_and_free(void* memory, std::size_t size) noexcept {
  if (memory != nullptr && size <= kSmall) explicit_bzero(memory, size);
  std::free(memory);
}

}  // namespace

// The runtime's own operator new is malloc.
void operator delete(void* memory, std::size_t size) noexcept { wipe_and_free(memory, size); }
void operator delete[](void* memory, std::size_t size) noexcept { wipe_and_free(memory, size); }
void operator delete(void* memory) noexcept { wipe_and_free(memory, malloc_usable_size(memory)); }
void operator delete[](void* memory) noexcept { wipe_and_free(memory, malloc_usable_size(memory)); }
#endif
