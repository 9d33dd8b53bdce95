#include "storage/families.hpp"

#include <charconv>

#include <fmt/format.h>

namespace plumbline::storage {

std::string entity_family(std::string_view entity, uint32_t generation) {
    return fmt::format("entity.{}#{}", entity, generation);
}

std::string index_family(const EntityLayout& layout, size_t index, uint32_t generation) {
    std::string columns;
    for (const uint16_t column : layout.indexes[index]) {
        if (!columns.empty()) {
            columns += ',';
        }
        columns += layout.column(column).name;
    }
    return fmt::format("index.{}.{}#{}", layout.name, columns, generation);
}

std::string undo_family(uint32_t generation) {
    return fmt::format("undo#{}", generation);
}

std::string quarantine_family(uint32_t generation) {
    return fmt::format("quarantine#{}", generation);
}

std::string digest_family(uint32_t generation) {
    return fmt::format("digest#{}", generation);
}

std::vector<std::string> generation_families(const std::vector<EntityLayout>& entities,
                                             uint32_t generation) {
    std::vector<std::string> names;
    for (const EntityLayout& layout : entities) {
        names.push_back(entity_family(layout.name, generation));
        for (size_t i = 0; i < layout.indexes.size(); ++i) {
            names.push_back(index_family(layout, i, generation));
        }
    }
    names.push_back(undo_family(generation));
    names.push_back(quarantine_family(generation));
    names.push_back(digest_family(generation));
    return names;
}

FamilyKind family_kind(std::string_view name) noexcept {
    for (const BaseFamily& family : kBaseFamilies) {
        if (family.name == name) {
            return family.kind;
        }
    }
    if (name.starts_with("entity.")) {
        return FamilyKind::kEntity;
    }
    if (name.starts_with("index.")) {
        return FamilyKind::kIndex;
    }
    if (name.starts_with("undo#")) {
        return FamilyKind::kUndo;
    }
    if (name.starts_with("quarantine#")) {
        return FamilyKind::kQuarantine;
    }
    if (name.starts_with("digest#")) {
        return FamilyKind::kDigest;
    }
    return FamilyKind::kUnknown;
}

std::optional<uint32_t> family_generation(std::string_view name) noexcept {
    const size_t mark = name.rfind('#');
    if (mark == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view digits = name.substr(mark + 1);
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
        return std::nullopt;
    }
    return number;
}

}  // namespace plumbline::storage
