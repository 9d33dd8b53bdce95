// COPY over a connection: rows that are many, one way or the other.
#include <algorithm>

#include <libpq-fe.h>

#include "sink/pg_connection.hpp"

namespace plumbline::sink {

namespace {

constexpr size_t kCopyChunk = size_t{256} << 10;

}  // namespace

/// Asks for a COPY; `direction` is PGRES_COPY_IN or PGRES_COPY_OUT.
Status PgConnection::begin_copy(const std::string& sql, int direction) {
    sqlstate_.clear();
    if (is_lost_ || PQsendQuery(connection_, sql.c_str()) == 0) {
        return lost("asking");
    }
    PLUMBLINE_TRY_VOID(send_all());
    ++round_trips_;
    PLUMBLINE_TRY(pg_result* const begun, next_result());
    if (PQresultStatus(begun) != direction) {
        Error error = refused(begun);
        finish_copy().ignore("the refusal is what is told");
        return error;
    }
    PQclear(begun);
    return ok();
}

Status PgConnection::copy_in(const std::string& sql,
                             const std::function<Status(const CopyPut&)>& produce) {
    PLUMBLINE_TRY_VOID(begin_copy(sql, PGRES_COPY_IN));
    const auto put = [this](std::string_view lines) -> Status {
        for (size_t at = 0; at < lines.size(); at += kCopyChunk) {
            const size_t size = std::min(kCopyChunk, lines.size() - at);
            if (PQputCopyData(connection_, lines.data() + at, static_cast<int>(size)) < 0) {
                return lost("writing to");
            }
            PLUMBLINE_TRY_VOID(send_all());
        }
        return ok();
    };
    if (Status produced = produce(put); !produced) {
        is_lost_ = true;  // Whatever comes now, nobody wants to hear it.
        return produced;
    }
    if (PQputCopyEnd(connection_, nullptr) < 0) {
        return lost("writing to");
    }
    PLUMBLINE_TRY_VOID(send_all());
    ++round_trips_;
    return finish_copy();
}

/// What is still to come of a COPY.
Status PgConnection::finish_copy() {
    Status first = ok();
    for (;;) {
        PLUMBLINE_TRY(pg_result* const result, next_result());
        if (result == nullptr) {
            return first;
        }
        if (PQresultStatus(result) == PGRES_COMMAND_OK) {
            PQclear(result);
            continue;
        }
        Error error = refused(result);
        if (is_lost_) {
            return error;
        }
        if (first) {
            first = std::move(error);
        }
    }
}

Status PgConnection::copy_out(const std::string& sql,
                              const std::function<Status(std::string_view)>& on_line) {
    PLUMBLINE_TRY_VOID(begin_copy(sql, PGRES_COPY_OUT));
    for (;;) {
        char* line = nullptr;
        const int size = PQgetCopyData(connection_, &line, 1);
        if (size == -1) {
            return finish_copy();
        }
        if (size < -1) {
            return lost("reading from");
        }
        if (size == 0) {
            PLUMBLINE_TRY_VOID(wait_socket(false));
            if (PQconsumeInput(connection_) == 0) {
                return lost("reading from");
            }
            continue;
        }
        Status taken = on_line({line, static_cast<size_t>(size)});
        PQfreemem(line);
        if (!taken) {
            is_lost_ = true;
            return taken;
        }
    }
}

}  // namespace plumbline::sink
