// A session over one view, asked in SQL; its answers as text.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "query/sql/session.hpp"
#include "query/sql/value_text.hpp"

namespace plumbline::query::sql::test {

/// A fixture's, opened once its rows are there; declared behind the database.
class AskedSession {
  public:
    void open(std::shared_ptr<const storage::ReadView> view,
              const std::shared_ptr<const engine::Plan>& plan) {
        view_ = std::move(view);
        session_ = Session::open(view_, plan).value();
    }
    /// Rows "a,b;c,d;", or "refused: why".
    std::string ask(const std::string& sql, std::vector<Value> parameters = {}) const {
        class Rows final : public RowSink {
          public:
            Status on_columns(const std::vector<std::string>& /*names*/) override { return ok(); }
            Status on_row(std::span<const Value> row) override {
                for (const Value& value : row) {
                    text += to_text(value) + (&value == &row.back() ? ";" : ",");
                }
                return ok();
            }
            std::string text;
        };
        Rows rows;
        RunOptions options;
        options.parameters = std::move(parameters);
        const Status done = session_->run(view_, sql, options, rows);
        return done ? rows.text : "refused: " + done.error().message;
    }

  private:
    std::shared_ptr<const storage::ReadView> view_;
    std::unique_ptr<Session> session_;
};

}  // namespace plumbline::query::sql::test
