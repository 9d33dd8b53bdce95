// Memory on 2 MiB pages, where the system has them, for tables that are looked at all over: most
// look-ups would otherwise wait for the page table before they wait for the memory.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>

#include "core/base/check.hpp"

namespace plumbline {

/// For standard containers. Less than a huge page comes from the heap as usual.
template <typename T>
class HugePageAllocator {
  public:
    using value_type = T;

    HugePageAllocator() = default;
    template <typename U>
    HugePageAllocator(const HugePageAllocator<U>& /*other*/) noexcept {}  // NOLINT

    [[nodiscard]] T* allocate(size_t count) {
        const size_t bytes = count * sizeof(T);
        if (bytes < kPage) {
            return static_cast<T*>(::operator new (bytes, std::align_val_t{alignof(T)}));
        }
        const size_t rounded = (bytes + kPage - 1) / kPage * kPage;
        void* memory = std::aligned_alloc(kPage, rounded);
        PLUMBLINE_CHECK_MSG(memory != nullptr, "out of memory");
        madvise(memory, rounded, MADV_HUGEPAGE);  // A wish: without it all works, only slower.
        return static_cast<T*>(memory);
    }
    void deallocate(T* memory, size_t count) noexcept {
        if (count * sizeof(T) < kPage) {
            ::operator delete (memory, std::align_val_t{alignof(T)});
        } else {
            std::free(memory);
        }
    }

    friend bool operator==(const HugePageAllocator& /*a*/,
                           const HugePageAllocator& /*b*/) noexcept {
        return true;
    }

  private:
    static constexpr size_t kPage = size_t{2} << 20;
};

}  // namespace plumbline
