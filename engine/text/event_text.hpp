// Stored logs as people read them: contract and event by name, parameters decoded.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/json_writer.hpp"
#include "core/evm/abi_decode.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/mapping/source_map.hpp"
#include "engine/text/uncounted.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// {"block":..,"log_index":..,"event":..,"reason":..}: an event that could not be applied.
void write_quarantine_row(JsonWriter& json, const storage::QuarantineRow& row);
/// The same in an object that is open, for whoever has more to say.
void add_quarantine_members(JsonWriter& json, const storage::QuarantineRow& row);

/// What a log does not say itself of its block.
struct EventBlock {
    evm::Hash hash;
    uint64_t timestamp = 0;  ///< s
};

/// Knows every event of the plan's ABIs, handled or not. One thread.
class EventText {
  public:
    EventText(std::shared_ptr<const Plan> plan, const std::vector<storage::ChildRow>& children);

    /// {"block":..,"log_index":..,"txn_index":..,"txn_hash":..,"address":..,"contract":..,"event":..,
    /// "params":{..}}. What no ABI knows or what does not decode has "event":null and "topics" and
    /// "data" in place of "params".
    void append_json(std::string& out, const storage::LogRecord& record);
    /// The same and all else there is to know: also "block_hash" and "timestamp", and "topics" of
    /// every event.
    void append_json(std::string& out, const storage::LogRecord& record, const EventBlock& block);
    /// Whose log it is and which event; null where not known. Valid as long as this object.
    struct Name {
        const std::string* contract = nullptr;
        const std::string* event = nullptr;
    };
    [[nodiscard]] Name name(const storage::LogRecord& record);
    /// Of a log whose event is not known, where an ABI of its contract has the topic0: which event
    /// that is, and how the log differs.
    struct Misfit {
        std::string event;  ///< "Transfer(address,address,uint256)"
        std::string why;    ///< "4 topics, this ABI's 3: other parameters are indexed"
    };
    [[nodiscard]] std::optional<Misfit> misfit(const evm::Log& log) const;
    /// Of a log whose contract is not known: why, where its address is one of the config's.
    [[nodiscard]] std::optional<Uncounted> uncounted(const evm::Log& log) const {
        return find_uncounted(*plan_, map_, log);
    }
    /// The same with the values; `decoder` is null where not known. Valid until the next call.
    struct Decoded {
        const std::string* contract = nullptr;
        const evm::EventDecoder* decoder = nullptr;
        const evm::DecodedEvent* values = nullptr;
    };
    [[nodiscard]] Decoded decode(const storage::LogRecord& record);
    /// Every event that a log may turn out to be, with its contract.
    template <typename Visit>
    void for_each_event(Visit&& visit) const {
        for (const Known& known : known_) {
            visit(plan_->sources()[known.source].contract, known.decoder);
        }
    }
    /// After one was announced; one that is known already changes nothing.
    void add_child(const storage::ChildRow& child) {
        if (const int source = map_.find_source(child.contract); source >= 0) {
            map_.add_child(static_cast<uint32_t>(source), child.address, child.block_num,
                           child.log_index);
        }
    }
    /// After contracts were taken back.
    void reset_children(const std::vector<storage::ChildRow>& children) {
        map_.reset_children(children);
    }

    /// The values of the longer form; topics with spaces between, params as JSON, data only of what
    /// has no params. The header names the columns.
    void append_csv(std::string& out, const storage::LogRecord& record, const EventBlock& block);
    static void append_csv_header(std::string& out);

  private:
    struct Known {
        uint32_t source = 0;
        evm::EventDecoder decoder;
    };
    /// What the log is, by the first source that knows it, or else claims its address; decodes into
    /// `event_`.
    struct Match {
        const std::string* contract = nullptr;
        const Known* known = nullptr;
    };
    [[nodiscard]] const Known* find_known(uint32_t source, const storage::LogRecord& record);
    [[nodiscard]] Match match(const storage::LogRecord& record);
    void append(std::string& out, const storage::LogRecord& record, const EventBlock* block);

    std::shared_ptr<const Plan> plan_;
    SourceMap map_;
    std::vector<Known> known_;
    evm::DecodedEvent event_;
};

}  // namespace plumbline::engine
