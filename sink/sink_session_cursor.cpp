// Whose the cursor's row is: taking it over, and telling another writer from a PostgreSQL that came
// back older (a snapshot, a standby that lagged, a schema that was renamed back). Who takes over
// writes an epoch above the row's, and not below the clock: so on whichever copy of the row, the
// higher epoch is that of the writer that came later.
#include <string>
#include <utility>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "sink/pg_settings.hpp"
#include "sink/sink_session.hpp"

namespace plumbline::sink {

Error SinkSession::fenced() {
    is_fenced_ = true;
    return Error{ErrorCode::kIncompatible,
                 fmt::format("another plumbline has taken over the cursor {} of schema {}: this "
                             "one has stopped writing. If the other one is meant to write there, "
                             "take [sinks.{}] out of this one's config, or give it another name "
                             "or schema; if not, stop the other one first, and then restart this "
                             "one: the last to start has the cursor",
                             config_.name, config_.schema, config_.name)};
}

Error SinkSession::of_another_chain(std::string_view chain_id) const {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the cursor {} of schema {} is of chain {}, and this index of chain "
                             "{}: give the sink another name, [sinks.NAME]",
                             config_.name, config_.schema, chain_id, chain_id_)};
}

Status SinkSession::take_over() {
    // Whoever has a transaction under way holds the row: this waits for its end, so what is read
    // afterwards is all there will be of it. What is another's stays as it is.
    PLUMBLINE_TRY(
        const std::vector<PgRows> rows,
        run({{kPgBegin, {}},
             {fmt::format("insert into {} as c (name, epoch, writer, chain_id) values ($1::text, "
                          "greatest($4::bigint + 1, (extract(epoch from clock_timestamp()) * "
                          "1000)::bigint), $3::text, $2::bigint) on conflict (name) do update set "
                          "epoch = greatest(c.epoch + 1, excluded.epoch), writer = "
                          "excluded.writer where c.chain_id = excluded.chain_id and ($4::bigint = "
                          "0 or c.epoch < $4::bigint or c.writer = excluded.writer) returning "
                          "c.epoch",
                          own("plumbline_cursor")),
              {config_.name, fmt::format("{}", chain_id_), writer_, fmt::format("{}", epoch_)}},
             {"commit", {}}}));
    if (rows.size() != 3 || rows[1].size() != 1) {
        PLUMBLINE_TRY_VOID(check_cursor());
        return Error{ErrorCode::kUnavailable, "the cursor's row changed while it was taken over"};
    }
    epoch_ = rows[1].number(0, 0);
    return read_position();
}

/// That the row is ours as we left it; where another writer has it, it is for good.
Status SinkSession::check_cursor() {
    PLUMBLINE_TRY(const PgRows row,
                  ask(fmt::format("select epoch, writer, chain_id from {} where name = $1::text",
                                  own("plumbline_cursor")),
                      {config_.name}));
    if (row.size() == 0) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("somebody has deleted the row {} of {}: the sink makes it again "
                                 "and goes on as at its first start",
                                 config_.name, own("plumbline_cursor"))};
    }
    if (row.number(0, 2) != chain_id_) {
        return of_another_chain(row.at(0, 2));
    }
    const uint64_t epoch = row.number(0, 0);
    if (row.at(0, 1) != writer_ && epoch >= epoch_) {
        return epoch_ == 0 ? ok() : Status{fenced()};
    }
    if (epoch != epoch_) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("PostgreSQL has come back with an older state of the cursor {} of "
                                 "schema {} than this sink left (a backup, a standby that lagged, "
                                 "a schema that was renamed): the sink goes on from what it holds",
                                 config_.name, config_.schema)};
    }
    return ok();
}

Status SinkSession::read_position() {
    PLUMBLINE_TRY(const PgRows rows, ask(fmt::format("select chain_id, block, encode(block_hash, "
                                                     "'hex') from {} where name = $1::text",
                                                     own("plumbline_cursor")),
                                         {config_.name}));
    position_.reset();
    if (rows.size() == 0) {
        return ok();
    }
    if (rows.number(0, 0) != chain_id_) {
        return of_another_chain(rows.at(0, 0));
    }
    if (!rows.is_null(0, 1)) {
        const auto hash = evm::parse_hash("0x" + std::string{rows.at(0, 2)});
        position_ = SinkPosition{rows.number(0, 1), hash.value_or(evm::Hash{})};
    }
    return ok();
}

}  // namespace plumbline::sink
