#include "storage/asked_blocks.hpp"

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "storage/commit_batch_impl.hpp"
#include "storage/entity_key.hpp"
#include "storage/field_codec.hpp"
#include "storage/meta_codec.hpp"
#include "storage/read_view_impl.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

constexpr auto kAskedFields = [](auto& to, auto& block) {
    to.varint(block.block_num);
    to.fixed(block.hash);
};

std::string asked_from(uint64_t block_num) {
    return fmt::format("{}{:016x}:", kMetaAsked, block_num);
}

}  // namespace

std::string asked_key(const evm::BlockId& block) {
    return asked_from(block.block_num) + evm::to_hex(block.hash);
}

std::string encode_asked(const evm::BlockId& block) {
    return encode_record(kAskedFields, block);
}

Result<evm::BlockId> decode_asked(std::string_view value) {
    evm::BlockId block;
    if (!decode_record(kAskedFields, value, block)) {
        return Error{ErrorCode::kCorruption, "stored block of a call is damaged"};
    }
    return block;
}

Result<std::vector<evm::BlockId>> list_asked(const ReadView& view, uint64_t from, uint64_t to,
                                             size_t limit) {
    const std::shared_ptr<ReadView::Impl>& impl = Internals::of(view);
    const auto scan =
        OwnedIterator::make(impl, impl->core->meta(), asked_from(from),
                            to == UINT64_MAX ? prefix_end(kMetaAsked) : asked_from(to + 1), false);
    std::vector<evm::BlockId> blocks;
    for (; scan->it->Valid() && blocks.size() < limit; scan->it->Next()) {
        PLUMBLINE_TRY(const evm::BlockId block, decode_asked(to_view(scan->it->value())));
        blocks.push_back(block);
    }
    PLUMBLINE_TRY_VOID(from_rocks(scan->it->status(), "reading blocks of calls"));
    return blocks;
}

void forget_asked(CommitBatch& batch, const evm::BlockId& block) {
    CommitBatch::Impl& impl = Internals::of(batch);
    impl.writes.Delete(impl.core->meta(), asked_key(block)).PermitUncheckedError();
    impl.anything = true;
}

}  // namespace plumbline::storage
