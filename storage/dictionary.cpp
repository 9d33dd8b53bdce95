#include "storage/dictionary.hpp"

#include "core/base/check.hpp"

namespace plumbline::storage {

Dictionary::Dictionary() {
    view_.chunks_ = std::make_shared<const DictView::Chunks>();
}

void Dictionary::push(const DictValue& value, uint64_t block_num) {
    const uint32_t id = view_.size_;
    if (id % DictView::kChunk == 0) {
        auto chunks = std::make_shared<DictView::Chunks>(*view_.chunks_);
        chunks->push_back(std::make_shared<DictView::Chunk>());
        view_.chunks_ = std::move(chunks);
    }
    // No view looks at this place yet: it lies beyond every size handed out for this chunk.
    (*view_.chunks_->back())[id % DictView::kChunk] = value;
    entries_.emplace(value, Entry{id, block_num});
    ++view_.size_;
}

void Dictionary::lower(const DictValue& value, uint64_t block_num) {
    const auto at = entries_.find(value);
    PLUMBLINE_CHECK(at != entries_.end() && block_num < at->second.block_num);
    at->second.block_num = block_num;
}

void Dictionary::truncate(uint32_t size) {
    if (size >= view_.size_) {
        return;
    }
    for (uint32_t id = size; id < view_.size_; ++id) {
        entries_.erase(*view_.find(id));
    }
    auto chunks = std::make_shared<DictView::Chunks>(*view_.chunks_);
    chunks->resize((size + DictView::kChunk - 1) / DictView::kChunk);
    if (size % DictView::kChunk != 0) {
        // Old views go on reading the places that the next entries will take.
        chunks->back() = std::make_shared<DictView::Chunk>(*chunks->back());
    }
    view_.chunks_ = std::move(chunks);
    view_.size_ = size;
}

}  // namespace plumbline::storage
