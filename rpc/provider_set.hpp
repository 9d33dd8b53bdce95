// A set of a pool's providers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "core/base/check.hpp"

namespace plumbline::rpc {

/// Providers by their index in the pool, which is below `kMax`. A value of one word.
class ProviderSet {
  public:
    static constexpr size_t kMax = 64;

    constexpr ProviderSet() = default;
    constexpr ProviderSet(std::initializer_list<size_t> providers) {
        for (const size_t provider : providers) {
            insert(provider);
        }
    }

    constexpr void insert(size_t provider) { bits_ |= bit(provider); }
    constexpr void erase(size_t provider) { bits_ &= ~bit(provider); }
    constexpr void clear() { bits_ = 0; }
    [[nodiscard]] constexpr bool contains(size_t provider) const {
        return (bits_ & bit(provider)) != 0;
    }
    [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }

    friend constexpr ProviderSet operator|(ProviderSet a, ProviderSet b) {
        a.bits_ |= b.bits_;
        return a;
    }
    friend bool operator==(const ProviderSet&, const ProviderSet&) = default;

  private:
    static constexpr uint64_t bit(size_t provider) {
        PLUMBLINE_CHECK(provider < kMax);
        return uint64_t{1} << provider;
    }
    uint64_t bits_ = 0;
};

}  // namespace plumbline::rpc
