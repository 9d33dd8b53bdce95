#include "core/evm/block_gap.hpp"

#include "core/evm/trie.hpp"

namespace plumbline::evm {

Header make_gap_header(uint64_t block_num, const Header& before) {
    Header out;
    out.block_num = block_num;
    out.hash = before.hash;
    out.parent_hash = before.hash;
    out.timestamp = before.timestamp;
    out.state_root = before.state_root;
    out.txns_root = kEmptyTrieRoot;
    out.receipts_root = kEmptyTrieRoot;
    return out;
}

}  // namespace plumbline::evm
