#include "rpc/wait_board.hpp"

#include <algorithm>
#include <utility>

#include "rpc/error_text.hpp"

namespace plumbline::rpc {

std::optional<evm::BlockRange> blocks_of(const Call& call) {
    switch (call.kind) {
        case Call::Kind::kLogs: return call.range;
        case Call::Kind::kReceipts:
            return call.block_num == 0
                       ? std::nullopt
                       : std::optional{evm::BlockRange{call.block_num, call.block_num}};
        case Call::Kind::kHeaderByNum: return evm::BlockRange{call.block_num, call.block_num};
        case Call::Kind::kCall:
        case Call::Kind::kProof: return evm::BlockRange{call.block.block_num, call.block.block_num};
        default: return std::nullopt;
    }
}

WaitTicket::~WaitTicket() {
    close();
}

void WaitTicket::close() {
    board_.entries_.erase(id_);
}

void WaitTicket::on_asked(const std::string& provider, const Call& call, int64_t now_ms) {
    const auto found = board_.entries_.find(id_);
    if (found == board_.entries_.end()) {
        return;
    }
    OpenWait& wait = found->second.wait;
    ++wait.attempts;
    found->second.out.push_back({provider, now_ms});
    wait.method = method_name(call.kind);
    if (const auto blocks = blocks_of(call)) {
        wait.range = blocks;
    }
    if (wait.reason.empty()) {
        wait.provider = provider;
    }
}

void WaitTicket::on_back(const std::string& provider) {
    if (const auto found = board_.entries_.find(id_); found != board_.entries_.end()) {
        std::vector<WaitBoard::Entry::Out>& out = found->second.out;
        if (const auto one = std::ranges::find(out, provider, &WaitBoard::Entry::Out::provider);
            one != out.end()) {
            out.erase(one);
        }
    }
}

void WaitTicket::on_refused(const std::string& provider, std::string_view reason) {
    if (const auto found = board_.entries_.find(id_); found != board_.entries_.end()) {
        found->second.wait.provider = provider;
        found->second.wait.reason = own_words(provider, reason);
    }
}

void WaitTicket::on_progress(int64_t now_ms) {
    if (const auto found = board_.entries_.find(id_); found != board_.entries_.end()) {
        found->second.since_ms = now_ms;
        found->second.wait.reason.clear();
        found->second.wait.has_progressed = true;
        if (found->second.wait.range) {
            board_.last_progress_ms_ = now_ms;
        }
    }
}

std::shared_ptr<WaitTicket> WaitBoard::open(std::string_view method,
                                            std::optional<evm::BlockRange> range, int64_t now_ms) {
    const uint64_t id = next_id_++;
    Entry& entry = entries_[id];
    entry.wait.method = method;
    entry.wait.range = range;
    entry.since_ms = now_ms;
    return std::make_shared<WaitTicket>(*this, id);
}

/// Who said something has done so: waited for is who has said nothing for so long.
void WaitBoard::name_who_hangs(const Entry& entry, int64_t waiting_ms, int64_t now_ms,
                               OpenWait& wait) {
    const Entry::Out& oldest = entry.out.front();
    wait.out_ms = now_ms - oldest.sent_ms;
    if (waiting_ms > 0 && *wait.out_ms >= waiting_ms && oldest.provider != wait.provider) {
        const std::string who = wait.provider.empty() ? "" : wait.provider + ": ";
        wait.reason = "no answer yet" + (wait.reason.empty() ? "" : "; " + who + wait.reason);
        wait.provider = oldest.provider;
    }
}

std::vector<OpenWait> WaitBoard::older_than(int64_t waiting_ms, int64_t now_ms) const {
    std::vector<OpenWait> out;
    for (const auto& [id, entry] : entries_) {
        if (now_ms - entry.since_ms >= waiting_ms) {
            out.push_back(entry.wait);
            out.back().waiting_ms = now_ms - entry.since_ms;
            if (!entry.out.empty()) {
                name_who_hangs(entry, waiting_ms, now_ms, out.back());
            }
        }
    }
    std::ranges::stable_sort(
        out, [](const OpenWait& a, const OpenWait& b) { return a.waiting_ms > b.waiting_ms; });
    return out;
}

}  // namespace plumbline::rpc
