// [schedule], [http], [webhooks.NAME], [backup] and [log]: what the running service needs.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "core/base/url_parts.hpp"
#include "engine/config/config_parts.hpp"
#include "engine/config/config_section.hpp"
#include "engine/config/config_text.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kSecondMs = 1'000;
constexpr int64_t kDayMs = 86'400'000;
constexpr size_t kMinSecret = 8;
constexpr size_t kMaxWebhooks = 64;

bool is_one_word(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

/// "500ms", "30s", "10m", "6h", "7d".
Result<int64_t> read_duration(const Section& section, const TomlValue& value, std::string_view key,
                              int64_t low_ms, int64_t high_ms) {
    if (value.kind != TomlValue::Kind::kString) {
        return section.wrong_type(value, key, R"(a time like "30s", "10m" or "6h")");
    }
    int64_t count = 0;
    const char* end_of_text = value.text.data() + value.text.size();
    const auto [end, error] = std::from_chars(value.text.data(), end_of_text, count);
    const std::string_view unit{end, static_cast<size_t>(end_of_text - end)};
    const int64_t factor = unit == "ms"  ? 1
                           : unit == "s" ? kSecondMs
                           : unit == "m" ? 60 * kSecondMs
                           : unit == "h" ? 3'600 * kSecondMs
                           : unit == "d" ? kDayMs
                                         : 0;
    if (error != std::errc{} || factor == 0) {
        return section.mistake(value.pos, fmt::format("{} in {} must be a time like \"30s\", "
                                                      "\"10m\" or \"6h\", not {}",
                                                      key, section.name(), in_quotes(value.text)));
    }
    if (count < 0 || count > high_ms / factor || count * factor < low_ms) {
        return section.mistake(
            value.pos, fmt::format("{} in {} must be from {}s to {}d, not {}", key, section.name(),
                                   static_cast<double>(low_ms) / kSecondMs, high_ms / kDayMs,
                                   in_quotes(value.text)));
    }
    return count * factor;
}

Result<std::string> read_strong_secret(const Section& section, const TomlValue& value,
                                       std::string_view key, std::vector<TextEdit>& edits) {
    PLUMBLINE_TRY(const std::string text, section.string(value, key));
    auto resolved = resolve_env(text);
    if (!resolved) {
        return section.mistake(
            value.pos, fmt::format("{} in {}: {}", key, section.name(), resolved.error().message));
    }
    if (resolved->size() < kMinSecret || !is_one_word(*resolved)) {
        return section.mistake(value.pos,
                               fmt::format("{} in {} must have at least {} printable ASCII "
                                           "characters without blanks",
                                           key, section.name(), kMinSecret));
    }
    edits.push_back({value.pos, "redacted"});
    return resolved;
}

Status read_listen(const Section& http, const TomlValue& value, HttpConfig& out) {
    PLUMBLINE_TRY(const std::string text, http.string(value, "listen"));
    const size_t colon = text.rfind(':');
    if (colon != std::string::npos) {
        std::string host = text.substr(0, colon);
        const bool is_v6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
        if (is_v6) {
            host = host.substr(1, host.size() - 2);
        }
        if (host == "localhost") {
            host = "127.0.0.1";
        }
        std::array<unsigned char, sizeof(in6_addr)> address{};
        const char* last = text.data() + text.size();
        const auto [end, error] = std::from_chars(text.data() + colon + 1, last, out.port);
        if (inet_pton(is_v6 ? AF_INET6 : AF_INET, host.c_str(), address.data()) == 1 &&
            error == std::errc{} && end == last) {
            out.host = host;
            return ok();
        }
    }
    return http.mistake(value.pos, fmt::format("listen in [http] must be an IP address and a port "
                                               "like \"127.0.0.1:8080\" or \"[::1]:8080\", not {}",
                                               in_quotes(text)));
}

Status read_origins(const Section& http, const TomlValue& value, HttpConfig& out) {
    PLUMBLINE_TRY(const auto items, http.strings(value, "cors", 64));
    for (const TomlValue* item : items) {
        const bool is_origin =
            (item->text.starts_with("http://") || item->text.starts_with("https://")) &&
            is_one_word(item->text) && item->text.find('/', 8) == std::string::npos;
        if (item->text != "*" && !is_origin) {
            return http.mistake(item->pos, fmt::format("cors in [http] must list origins like "
                                                       "\"https://app.example\", or \"*\", not {}",
                                                       in_quotes(item->text)));
        }
        out.cors.push_back(item->text);
    }
    return ok();
}

/// Host names as a browser sends them, without a port.
Status read_hosts(const Section& http, const TomlValue& value, HttpConfig& out) {
    PLUMBLINE_TRY(const auto items, http.strings(value, "hosts", 64));
    for (const TomlValue* item : items) {
        const bool is_host = !item->text.empty() && item->text.size() <= 253 &&
                             item->text.find_first_not_of(
                                 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789-._") == std::string::npos;
        if (!is_host) {
            return http.mistake(item->pos,
                                fmt::format("hosts in [http] must list host names without a port, "
                                            "like \"index.example.com\", not {}",
                                            in_quotes(item->text)));
        }
        out.hosts.push_back(item->text);
    }
    return ok();
}

/// What a node may be asked for others: reading, and sending what somebody has signed.
constexpr std::string_view kForwardable[] = {"eth_call",
                                             "eth_estimateGas",
                                             "eth_createAccessList",
                                             "eth_gasPrice",
                                             "eth_maxPriorityFeePerGas",
                                             "eth_feeHistory",
                                             "eth_blobBaseFee",
                                             "eth_getBalance",
                                             "eth_getCode",
                                             "eth_getStorageAt",
                                             "eth_getProof",
                                             "eth_getTransactionCount",
                                             "eth_getBlockByNumber",
                                             "eth_getBlockByHash",
                                             "eth_getBlockReceipts",
                                             "eth_getBlockTransactionCountByNumber",
                                             "eth_getBlockTransactionCountByHash",
                                             "eth_getTransactionByHash",
                                             "eth_getTransactionByBlockHashAndIndex",
                                             "eth_getTransactionByBlockNumberAndIndex",
                                             "eth_getTransactionReceipt",
                                             "eth_getLogs",
                                             "eth_sendRawTransaction"};

Status read_forwarded(const Section& http, const TomlValue& value, HttpConfig& out) {
    PLUMBLINE_TRY(const auto items, http.strings(value, "rpc_forward", std::size(kForwardable)));
    for (const TomlValue* item : items) {
        if (std::ranges::find(kForwardable, item->text) == std::end(kForwardable)) {
            return http.mistake(
                item->pos, fmt::format("rpc_forward in [http] must list methods that only read, or "
                                       "eth_sendRawTransaction, not {}; known: {}",
                                       in_quotes(item->text), fmt::join(kForwardable, ", ")));
        }
        out.rpc_forward.push_back(item->text);
    }
    return ok();
}

/// "10.0.0.1", "10.0.0.0/8", "::1", "fd00::/8".
bool is_network(const std::string& text) {
    const size_t slash = std::min(text.find('/'), text.size());
    const std::string address = text.substr(0, slash);
    const bool is_v6 = address.find(':') != std::string::npos;
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, address.c_str(), bytes.data()) != 1) {
        return false;
    }
    if (slash == text.size()) {
        return true;
    }
    unsigned bits = 0;
    const char* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data() + slash + 1, last, bits);
    return error == std::errc{} && end == last && bits <= (is_v6 ? 128U : 32U);
}

Status read_trusted_proxies(const Section& http, const TomlValue& value, HttpConfig& out) {
    PLUMBLINE_TRY(const auto items, http.strings(value, "trusted_proxies", 64));
    for (const TomlValue* item : items) {
        if (!is_network(item->text)) {
            return http.mistake(item->pos,
                                fmt::format("trusted_proxies in [http] must list IP addresses or "
                                            "networks like \"10.0.0.0/8\", not {}",
                                            in_quotes(item->text)));
        }
        out.trusted_proxies.push_back(item->text);
    }
    return ok();
}

Status read_hook_url(const Section& section, const TomlValue& value, WebhookConfig& out,
                     std::vector<TextEdit>& edits) {
    PLUMBLINE_TRY(const std::string text, section.string(value, "url"));
    auto resolved = resolve_env(text);
    if (!resolved) {
        return section.mistake(
            value.pos, fmt::format("url in {}: {}", section.name(), resolved.error().message));
    }
    const bool is_url = resolved->starts_with("http://") || resolved->starts_with("https://");
    if (!is_url || !is_one_word(*resolved)) {
        return section.mistake(
            value.pos, fmt::format("url in {} must be a http:// or https:// URL", section.name()));
    }
    if (!is_reachable(split_url(*resolved))) {
        return section.mistake(value.pos,
                               fmt::format("url in {} {}", section.name(), kUnreachableUrl));
    }
    edits.push_back({value.pos, redact_url(text)});
    out.url = *std::move(resolved);
    return ok();
}

Status read_webhook(std::string_view path, const TomlEntry& entry, Config& config,
                    std::vector<TextEdit>& edits) {
    if (!is_identifier(entry.key)) {
        return mistake_at(path, entry.pos,
                          fmt::format("{} cannot name a webhook: use up to 64 letters, digits and "
                                      "_, no digit first",
                                      in_quotes(entry.key)));
    }
    PLUMBLINE_TRY(const Section section,
                  Section::open(path, fmt::format("[webhooks.{}]", entry.key), entry.value));
    SectionMistakes mistakes{section, {"url", "secret", "entities", "events"}};
    WebhookConfig out;
    out.name = entry.key;
    out.pos = section.pos();
    if (const TomlValue* url = mistakes.need("url")) {
        mistakes.add(read_hook_url(section, *url, out, edits));
    }
    if (const TomlValue* secret = mistakes.need("secret")) {
        mistakes.take(out.secret, read_strong_secret(section, *secret, "secret", edits));
    }
    mistakes.add(read_entity_names(section, config, out.entities));
    mistakes.add(read_event_names(section, config, out.events));
    PLUMBLINE_TRY_VOID(mistakes.all());
    config.webhooks.push_back(std::move(out));
    return ok();
}

}  // namespace

Status read_entity_names(const Section& section, const Config& config,
                         std::vector<std::string>& out) {
    if (const TomlValue* entities = section.find("entities")) {
        PLUMBLINE_TRY(const auto items, section.strings(*entities, "entities", 256));
        std::vector<std::string> known;
        for (const EntityConfig& entity : config.entities) {
            known.push_back(entity.name);
        }
        for (const TomlValue* item : items) {
            if (std::ranges::find(known, item->text) == known.end()) {
                return section.mistake(
                    item->pos, fmt::format("unknown entity {} in {}{}", in_quotes(item->text),
                                           section.name(), suggest(item->text, known)));
            }
            out.push_back(item->text);
        }
    }
    return ok();
}

Status read_event_names(const Section& section, const Config& config,
                        std::vector<std::string>& out) {
    if (const TomlValue* events = section.find("events")) {
        PLUMBLINE_TRY(const auto items, section.strings(*events, "events", 256));
        std::vector<std::string> known;
        for (const ContractConfig& contract : config.contracts) {
            known.push_back(contract.name);
        }
        for (const TomlValue* item : items) {
            const size_t dot = item->text.find('.');
            const std::string contract = item->text.substr(0, dot);
            if (item->text != "*" && dot == std::string::npos) {
                return section.mistake(item->pos,
                                       fmt::format("events in {} must be like \"hub.VoteCast\", "
                                                   "\"hub.*\" or \"*\", not {}",
                                                   section.name(), in_quotes(item->text)));
            }
            if (item->text != "*" && std::ranges::find(known, contract) == known.end()) {
                return section.mistake(
                    item->pos, fmt::format("unknown contract {} in {}{}", in_quotes(contract),
                                           section.name(), suggest(contract, known)));
            }
            out.push_back(item->text);
        }
    }
    return ok();
}

const std::vector<std::string>& schedulable_tasks() {
    static const std::vector<std::string> kTasks{"prove_log", "prove_state", "prove_replay",
                                                 "scrub",     "compact",     "backup"};
    return kTasks;
}

Status read_schedule(std::string_view path, const TomlValue& value, Config& config) {
    PLUMBLINE_TRY(const Section schedule, Section::open(path, "[schedule]", value));
    Mistakes mistakes;
    mistakes.add(schedule.allow_only(schedulable_tasks()));
    for (const TomlEntry& entry : schedule.entries()) {
        ScheduleConfig out{entry.key, 0, entry.value.pos};
        if (entry.value.kind != TomlValue::Kind::kBool || entry.value.boolean) {
            const auto interval =
                read_duration(schedule, entry.value, entry.key, kSecondMs, 365 * kDayMs);
            out.interval_ms = mistakes.add(interval) ? *interval : 0;
        }
        if (entry.key == "backup" && out.interval_ms > 0 && config.backup.path.empty()) {
            mistakes.add(Status{schedule.mistake(entry.pos,
                                                 "backup in [schedule] needs to know where: add "
                                                 "[backup] path")});
        }
        config.schedules.push_back(std::move(out));
    }
    return mistakes.all();
}

Status read_http(std::string_view path, const TomlValue& value, Config& config,
                 std::vector<TextEdit>& edits) {
    PLUMBLINE_TRY(const Section http, Section::open(path, "[http]", value));
    SectionMistakes mistakes{
        http,
        {"listen", "token", "cors", "hosts", "trusted_proxies", "ready_lag", "connections_max",
         "client_connections_max", "stream_clients_max", "body_kib_max", "page_rows_max",
         "history_events_max", "sql_ms_max", "rpc_forward", "rpc_forward_per_second", "timeout"}};
    HttpConfig out;
    out.pos = http.pos();
    if (const TomlValue* listen = http.find("listen")) {
        mistakes.add(read_listen(http, *listen, out));
    }
    if (const TomlValue* token = http.find("token")) {
        mistakes.take(out.token, read_strong_secret(http, *token, "token", edits));
    }
    if (const TomlValue* cors = http.find("cors")) {
        mistakes.add(read_origins(http, *cors, out));
    }
    if (const TomlValue* hosts = http.find("hosts")) {
        mistakes.add(read_hosts(http, *hosts, out));
    }
    if (const TomlValue* proxies = http.find("trusted_proxies")) {
        mistakes.add(read_trusted_proxies(http, *proxies, out));
    }
    if (const TomlValue* methods = http.find("rpc_forward")) {
        mistakes.add(read_forwarded(http, *methods, out));
    }
    struct Number {
        const char* key;
        uint64_t* out;
        uint64_t low;
        uint64_t high;
    };
    const Number numbers[] = {{"ready_lag", &out.ready_lag, 0, 1'000'000},
                              {"connections_max", &out.connections_max, 1, 100'000},
                              {"client_connections_max", &out.client_connections_max, 1, 100'000},
                              {"stream_clients_max", &out.stream_clients_max, 0, 100'000},
                              {"body_kib_max", &out.body_kib_max, 1, 65'536},
                              {"page_rows_max", &out.page_rows_max, 1, 100'000},
                              {"history_events_max", &out.history_events_max, 0, 1'000'000'000},
                              {"sql_ms_max", &out.sql_ms_max, 0, 60'000},
                              {"rpc_forward_per_second", &out.rpc_forward_per_second, 1, 100'000}};
    for (const Number& number : numbers) {
        if (const TomlValue* found = http.find(number.key)) {
            mistakes.take(*number.out, http.integer(*found, number.key, number.low, number.high));
        }
    }
    if (const TomlValue* timeout = http.find("timeout")) {
        mistakes.take(out.timeout_ms, read_duration(http, *timeout, "timeout", 100, kDayMs));
    }
    PLUMBLINE_TRY_VOID(mistakes.all());
    config.http = std::move(out);
    return ok();
}

Status read_webhooks(std::string_view path, const TomlValue& value, Config& config,
                     std::vector<TextEdit>& edits) {
    PLUMBLINE_TRY(const Section webhooks, Section::open(path, "[webhooks]", value));
    if (webhooks.entries().size() > kMaxWebhooks) {
        return webhooks.mistake(
            webhooks.pos(),
            fmt::format("at most {} webhooks, not {}", kMaxWebhooks, webhooks.entries().size()));
    }
    Mistakes mistakes;
    for (const TomlEntry& entry : webhooks.entries()) {
        mistakes.add(read_webhook(path, entry, config, edits));
    }
    return mistakes.all();
}

Status read_backup(std::string_view path, const TomlValue& value, Config& config) {
    PLUMBLINE_TRY(const Section backup, Section::open(path, "[backup]", value));
    SectionMistakes mistakes{backup, {"path", "kept_max"}};
    if (const TomlValue* where = mistakes.need("path")) {
        mistakes.take(config.backup.path, backup.string(*where, "path"));
    }
    if (const TomlValue* kept = backup.find("kept_max")) {
        mistakes.take(config.backup.kept_max, backup.integer(*kept, "kept_max", 1, 10'000));
    }
    return mistakes.all();
}

Status read_log(std::string_view path, const TomlValue& value, Config& config) {
    PLUMBLINE_TRY(const Section log, Section::open(path, "[log]", value));
    SectionMistakes mistakes{log, {"level"}};
    if (mistakes.choice("level", {"debug", "info", "warning", "error"})) {
        config.log_level = log.find("level")->text;
    }
    return mistakes.all();
}

}  // namespace plumbline::engine
