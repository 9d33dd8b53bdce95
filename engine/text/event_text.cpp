#include "engine/text/event_text.hpp"

#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/json_text.hpp"
#include "core/evm/abi_text.hpp"
#include "core/evm/hex.hpp"

namespace plumbline::engine {

void add_quarantine_members(JsonWriter& json, const storage::QuarantineRow& row) {
    json.member("block", row.block_num)
        .member("log_index", row.log_index)
        .member("event", row.event)
        .member("reason", row.reason);
}

void write_quarantine_row(JsonWriter& json, const storage::QuarantineRow& row) {
    json.open_object();
    add_quarantine_members(json, row);
    json.close_object();
}

EventText::EventText(std::shared_ptr<const Plan> plan,
                     const std::vector<storage::ChildRow>& children)
    : plan_{std::move(plan)},
      map_{plan_->sources()} {
    map_.reset_children(children);
    for (uint32_t source = 0; source < plan_->sources().size(); ++source) {
        for (const evm::AbiEvent& event : plan_->abi(source).events) {
            auto decoder = evm::EventDecoder::compile(event);
            if (decoder) {
                known_.push_back({source, *std::move(decoder)});
            }
        }
    }
}

EventText::Match EventText::match(const storage::LogRecord& record) {
    const evm::Log& log = record.log;
    Match out;
    map_.for_each_source(log, [&](uint32_t source) {
        if (out.known != nullptr) {
            return;
        }
        if (out.contract == nullptr) {
            out.contract = &plan_->sources()[source].contract;
        }
        if (const Known* known = find_known(source, record); known != nullptr) {
            out = {&plan_->sources()[source].contract, known};
        }
    });
    return out;
}

const EventText::Known* EventText::find_known(uint32_t source, const storage::LogRecord& record) {
    const evm::Log& log = record.log;
    for (const Known& known : known_) {
        const bool anonymous = known.decoder.event().anonymous;
        const bool named = log.topic_count > 0 && known.decoder.topic0() == log.topics[0];
        if (known.source == source && known.decoder.topic_count() == log.topic_count &&
            (anonymous ? plan_->is_anonymous_event(source, log, known.decoder.event()) : named) &&
            known.decoder.decode(log, record.data, event_) == evm::AbiError::kNone) {
            return &known;
        }
    }
    return nullptr;
}

EventText::Name EventText::name(const storage::LogRecord& record) {
    const Match found = match(record);
    return {found.contract, found.known == nullptr ? nullptr : &found.known->decoder.event().name};
}

std::optional<EventText::Misfit> EventText::misfit(const evm::Log& log) const {
    std::set<size_t> topic_counts;
    Misfit out;
    map_.for_each_source(log, [&](uint32_t source) {
        for (const Known& known : known_) {
            if (known.source == source && !known.decoder.event().anonymous && log.topic_count > 0 &&
                known.decoder.topic0() == log.topics[0]) {
                out.event = known.decoder.event().signature();
                topic_counts.insert(known.decoder.topic_count());
            }
        }
    });
    if (topic_counts.empty()) {
        return std::nullopt;
    }
    out.why = !topic_counts.contains(log.topic_count)
                  ? fmt::format("{} topic{}, this ABI's {}: other parameters are indexed",
                                log.topic_count, log.topic_count == 1 ? "" : "s",
                                fmt::join(topic_counts, " or "))
                  : std::string{"values that do not fit this ABI's types"};
    return out;
}

EventText::Decoded EventText::decode(const storage::LogRecord& record) {
    const Match found = match(record);
    return {found.contract, found.known == nullptr ? nullptr : &found.known->decoder, &event_};
}

void EventText::append_json(std::string& out, const storage::LogRecord& record) {
    append(out, record, nullptr);
}

void EventText::append_json(std::string& out, const storage::LogRecord& record,
                            const EventBlock& block) {
    append(out, record, &block);
}

void EventText::append(std::string& out, const storage::LogRecord& record,
                       const EventBlock* block) {
    const Match found = match(record);
    const evm::Log& log = record.log;
    const auto append_topics = [&] {
        out += ",\"topics\":[";
        for (uint8_t i = 0; i < log.topic_count; ++i) {
            fmt::format_to(std::back_inserter(out), "{}\"{}\"", i == 0 ? "" : ",",
                           evm::to_hex(log.topics[i]));
        }
        out += ']';
    };
    fmt::format_to(std::back_inserter(out), R"({{"block":{},)", log.block_num);
    if (block != nullptr) {
        fmt::format_to(std::back_inserter(out), R"("block_hash":"{}","timestamp":{},)",
                       evm::to_hex(block->hash), block->timestamp);
    }
    fmt::format_to(std::back_inserter(out),
                   R"("log_index":{},"txn_index":{},"txn_hash":"{}","address":"{}","contract":)",
                   log.log_index, log.txn_index, evm::to_hex(log.txn_hash),
                   evm::to_hex(log.address));
    if (found.contract != nullptr) {
        append_json_string(out, *found.contract);
    } else {
        out += "null";
    }
    out += ",\"event\":";
    if (found.known != nullptr) {
        append_json_string(out, found.known->decoder.event().name);
        if (block != nullptr) {
            append_topics();
        }
        out += ",\"params\":";
        evm::append_json(out, found.known->decoder, event_);
        out += '}';
        return;
    }
    out += "null";
    append_topics();
    out += ",\"data\":\"";
    out += evm::to_hex(record.data);
    out += "\"}";
}

void EventText::append_csv_header(std::string& out) {
    out +=
        "block,block_hash,timestamp,log_index,txn_index,txn_hash,address,contract,event,topics,"
        "params,data";
}

void EventText::append_csv(std::string& out, const storage::LogRecord& record,
                           const EventBlock& block) {
    const Match found = match(record);
    const evm::Log& log = record.log;
    fmt::format_to(std::back_inserter(out), "{},{},{},{},{},{},{},{},{},", log.block_num,
                   evm::to_hex(block.hash), block.timestamp, log.log_index, log.txn_index,
                   evm::to_hex(log.txn_hash), evm::to_hex(log.address),
                   found.contract == nullptr ? "" : *found.contract,
                   found.known == nullptr ? "" : found.known->decoder.event().name);
    for (uint8_t i = 0; i < log.topic_count; ++i) {
        out += i == 0 ? "" : " ";
        out += evm::to_hex(log.topics[i]);
    }
    out += ',';
    if (found.known == nullptr) {
        out += ',';
        out += evm::to_hex(record.data);
        return;
    }
    std::string params;
    evm::append_json(params, found.known->decoder, event_);
    append_csv_field(out, params);
    out += ',';
}

}  // namespace plumbline::engine
