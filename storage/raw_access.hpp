// Writing to a database's stored bytes past every rule, to make the damage that proofs must find.
// For tests and for demonstrations; nothing that serves an index uses it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"

namespace plumbline::storage {

/// One directory, opened for writing. One thread. Families of the published generation may be named
/// without "#" and its number. The empty key (the watermark) is never listed or picked.
class RawAccess {
  public:
    /// kNotFound: no database there. kUnavailable: somebody has it open to write.
    [[nodiscard]] static Result<std::unique_ptr<RawAccess>> open(const std::string& path);
    RawAccess(const RawAccess&) = delete;
    RawAccess& operator=(const RawAccess&) = delete;
    ~RawAccess();

    /// Name and number of keys of every family.
    [[nodiscard]] Result<std::vector<std::pair<std::string, uint64_t>>> list_families() const;
    /// Empty where there is no such key.
    [[nodiscard]] Result<std::optional<std::string>> get(std::string_view family,
                                                         std::string_view key) const;
    /// Keys in order, those that start with `prefix` only.
    [[nodiscard]] Result<std::vector<std::string>> list_keys(std::string_view family,
                                                             std::string_view prefix = {}) const;
    /// A key drawn by `seed`, each as likely as any other; kNotFound in an empty family.
    [[nodiscard]] Result<std::string> pick_key(std::string_view family, uint64_t seed) const;

    [[nodiscard]] Status put(std::string_view family, std::string_view key, std::string_view value);
    [[nodiscard]] Status remove(std::string_view family, std::string_view key);
    /// Bits count from the first byte's lowest; `bit` wraps around. kNotFound without such a key.
    [[nodiscard]] Status flip_value_bit(std::string_view family, std::string_view key,
                                        uint64_t bit);
    /// The record then lies under the changed key, which is given back.
    [[nodiscard]] Result<std::string> flip_key_bit(std::string_view family, std::string_view key,
                                                   uint64_t bit);

  private:
    struct Impl;
    explicit RawAccess(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace plumbline::storage
