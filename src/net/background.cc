// See background.h.
#include "net/background.h"

#include <utility>

#include <uv.h>

namespace net {

// Outlives its owner while a thread works on it, and then ends itself.
struct Background::Request {
  uv_work_t request{};
  Work work;
  base::Result<void> result;
  Background* owner = nullptr;  // nothing once the owner is gone
  BackgroundEvents* events = nullptr;

  static void on_work(uv_work_t* raw) noexcept {
    auto* self = static_cast<Request*>(raw->data);
    self->result = self->work();
  }

  static void on_done(uv_work_t* raw, int status) noexcept {
    const std::unique_ptr<Request> self(static_cast<Request*>(raw->data));
    if (self->owner == nullptr) return;
    self->owner->request_ = nullptr;
    if (status != 0) self->result = base::Error{base::Fault::local, "work was cancelled"};
    self->events->on_background_done(std::move(self->result));
  }
};

std::unique_ptr<Background> Background::begin(Loop& loop, Work work, BackgroundEvents& events) {
  std::unique_ptr<Background> owner(new Background());
  auto* request = new Request();
  owner->request_ = request;
  request->work = std::move(work);
  request->owner = owner.get();
  request->events = &events;
  request->request.data = request;
  // It fails only without a callback.
  const int status =
      uv_queue_work(loop.raw(), &request->request, Request::on_work, Request::on_done);
  SMTPSEAL_CHECK(status == 0);
  return owner;
}

Background::~Background() {
  if (request_ == nullptr) return;
  request_->owner = nullptr;
  // One that no thread has begun yet is given back at once; otherwise when it is done.
  static_cast<void>(uv_cancel(reinterpret_cast<uv_req_t*>(&request_->request)));
}

}  // namespace net
