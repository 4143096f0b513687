// See thread.h.
#include "net/thread.h"

#include <uv.h>

#ifndef _WIN32
#include <csignal>

#include <pthread.h>
#endif

#include <utility>

#include "net/uv_error.h"

namespace net {

// libuv's threads have stacks of the size that the main thread has, whatever the C library thinks
// enough: musl's default of 128 KiB is little for a TLS handshake.
struct Thread::Handle {
  uv_thread_t thread{};
  std::function<void()> body;

  static void run(void* raw) noexcept { static_cast<Handle*>(raw)->body(); }

  int create() {
#ifdef _WIN32
    return uv_thread_create(&thread, run, this);
#else
    // A thread inherits its creator's mask.
    sigset_t all, before;
    sigfillset(&all);
    int status = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (status != 0) return uv_translate_sys_error(status);
    const int created = uv_thread_create(&thread, run, this);
    status = pthread_sigmask(SIG_SETMASK, &before, nullptr);
    SMTPSEAL_CHECK(status == 0);
    return created;
#endif
  }
};

base::Result<std::unique_ptr<Thread>> Thread::start(std::function<void()> body) {
  auto handle = std::make_unique<Handle>();
  handle->body = std::move(body);
  const int status = handle->create();
  if (status != 0) return uv_error(base::Fault::local, "cannot start a thread", status);
  std::unique_ptr<Thread> thread(new Thread());
  thread->handle_ = std::move(handle);
  return thread;
}

Thread::~Thread() {
  const int status = uv_thread_join(&handle_->thread);
  SMTPSEAL_CHECK(status == 0);
}

}  // namespace net
