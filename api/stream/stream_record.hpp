// A message of the live stream before it is fitted to a client. Internal to api.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/stream/stream_place.hpp"
#include "core/evm/bytes.hpp"

namespace plumbline::api {

struct StreamRecord {
    enum class Kind : uint8_t {
        kCommit,   ///< blocks with all that changed
        kRange,    ///< blocks with too much to tell
        kRetract,  ///< blocks taken back, with the rows as they are again
        kReset,    ///< what clients hold may be anything
        kProof,
    };
    struct Row {
        size_t entity = 0;
        std::string key;     ///< encoded
        std::string json;    ///< {"entity":..,"key":..,"row":{..} or null}
        std::string before;  ///< the stored row before, for a retraction
    };
    struct Event {
        std::string contract;
        std::string name;
        std::string json;
    };

    Kind kind = Kind::kCommit;
    uint64_t seq = 0;
    uint64_t commit_num = 0;
    uint64_t from = 0;  ///< kRetract: the first block taken back
    uint64_t to = 0;    ///< the block that the copy stands on afterwards
    evm::Hash hash;     ///< its hash
    StreamBasis basis;  ///< of the state then
    uint64_t timestamp = 0;
    uint64_t finalized = 0;
    uint64_t event_count = 0;
    std::vector<Row> rows;
    std::vector<Event> events;
    std::string text;  ///< kReset: the reason; kProof: JSON

    [[nodiscard]] size_t size_bytes() const noexcept {
        size_t bytes = sizeof(StreamRecord) + text.size();
        for (const Row& row : rows) {
            bytes += sizeof(Row) + row.key.size() + row.json.size() + row.before.size();
        }
        for (const Event& event : events) {
            bytes += sizeof(Event) + event.contract.size() + event.name.size() + event.json.size();
        }
        return bytes;
    }
};

}  // namespace plumbline::api
