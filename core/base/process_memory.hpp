// What of the machine's memory the process has, and how the heap gives back what it does not need.
#pragma once

#include <cstddef>

namespace plumbline {

/// Bytes of memory that are the process's now; 0 where the system does not tell. Costs a system
/// call or two.
[[nodiscard]] size_t resident_bytes() noexcept;

/// Once, before threads start: all threads share a few heaps. By itself glibc keeps what was freed
/// in a heap for each thread. From which size on blocks are mappings of their own is left to glibc:
/// set lower, every large body is paid for in page faults.
void set_up_heap() noexcept;

/// Freed memory goes back to the system where the process has more than `mark` bytes of it. Costs
/// some milliseconds where it does.
void give_back_memory(size_t mark) noexcept;

}  // namespace plumbline
