// See mailbox.h.
#include "net/mailbox.h"

#include <mutex>
#include <utility>
#include <vector>

#include <uv.h>

#include "net/uv_error.h"

namespace net {

struct Mailbox::Handle {
  uv_async_t async{};
  std::mutex mutex;                          // of `tasks`
  std::vector<std::function<void()>> tasks;  // not yet begun
  bool is_open = true;                       // the owner is there; the loop's thread only

  static void on_posted(uv_async_t* raw) noexcept {
    auto* self = static_cast<Handle*>(raw->data);
    std::vector<std::function<void()>> tasks;
    {
      const std::lock_guard lock(self->mutex);
      tasks.swap(self->tasks);
    }
    for (const std::function<void()>& task : tasks) {
      if (!self->is_open) return;
      task();
    }
  }

  static void on_closed(uv_handle_t* raw) noexcept { delete static_cast<Handle*>(raw->data); }
};

base::Result<std::unique_ptr<Mailbox>> Mailbox::open(Loop& loop) {
  auto* handle = new Handle();
  handle->async.data = handle;
  const int status = uv_async_init(loop.raw(), &handle->async, Handle::on_posted);
  if (status != 0) {
    delete handle;
    return uv_error(base::Fault::local, "cannot make a mailbox for an event loop", status);
  }
  std::unique_ptr<Mailbox> mailbox(new Mailbox());
  mailbox->handle_ = handle;
  return mailbox;
}

Mailbox::~Mailbox() {
  if (handle_ == nullptr) return;
  handle_->is_open = false;
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->async), Handle::on_closed);
}

void Mailbox::post(std::function<void()> task) {
  {
    const std::lock_guard lock(handle_->mutex);
    handle_->tasks.push_back(std::move(task));
  }
  const int status = uv_async_send(&handle_->async);
  SMTPSEAL_CHECK(status == 0);
}

}  // namespace net
