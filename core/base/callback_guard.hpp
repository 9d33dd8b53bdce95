// For objects that hand out callbacks which may be called after the object is gone, or after it
// lost interest in the answers.
#pragma once

#include <memory>
#include <utility>

namespace plumbline {

/// One thread. Declared last in its owner, so that it ends first.
class CallbackGuard {
  public:
    /// `handle`, as a callable that does nothing once `cancel` was called or the owner is gone.
    template <typename Handle>
    [[nodiscard]] auto wrap(Handle handle) const {
        return [alive = std::weak_ptr<const int>{alive_},
                handle = std::move(handle)]<typename... Args>(Args&&... args) mutable {
            if (!alive.expired()) {
                handle(std::forward<Args>(args)...);
            }
        };
    }
    /// Callbacks handed out so far do nothing from here on; later ones do.
    void cancel() { alive_ = std::make_shared<const int>(0); }

  private:
    std::shared_ptr<const int> alive_ = std::make_shared<const int>(0);
};

}  // namespace plumbline
