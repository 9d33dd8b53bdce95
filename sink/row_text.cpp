// Rows as COPY and unnest take them, and their digests.
#include <fmt/format.h>

#include "core/base/md5.hpp"
#include "core/evm/hex.hpp"
#include "sink/sink_table.hpp"

namespace plumbline::sink {

void append_copy_line(std::string& out, const std::vector<SinkColumn>& columns,
                      const Cells& cells) {
    for (size_t i = 0; i < columns.size(); ++i) {
        if (i > 0) {
            out += '\t';
        }
        if (cells[i] == kNullCell) {
            out += R"(\N)";
            continue;
        }
        if (columns[i].kind == CellKind::kBytes) {
            out += R"(\\x)";
        }
        if (columns[i].kind != CellKind::kText) {
            out += cells[i];
            continue;
        }
        for (const char c : cells[i]) {
            switch (c) {
                case '\\': out += R"(\\)"; break;
                case '\n': out += R"(\n)"; break;
                case '\r': out += R"(\r)"; break;
                case '\t': out += R"(\t)"; break;
                default: out += c;
            }
        }
    }
    out += '\n';
}

// --- arrays --------------------------------------------------------------------------------------

RowArrays::RowArrays(const std::vector<SinkColumn>& columns, bool keys_only) {
    for (size_t i = 0; i < columns.size(); ++i) {
        if (!keys_only || columns[i].is_key) {
            parts_.push_back({i, columns[i].kind, {}});
        }
    }
}

void RowArrays::add(const Cells& cells) {
    for (Part& part : parts_) {
        const size_t before = part.text.size();
        part.text += part.text.empty() ? '{' : ',';
        const std::string& cell = cells[part.column];
        if (cell == kNullCell) {
            part.text += "NULL";
        } else if (part.kind == CellKind::kPlain) {
            part.text += cell;
        } else {
            part.text += part.kind == CellKind::kBytes ? R"("\\x)" : "\"";
            for (const char c : cell) {
                if (c == '"' || c == '\\') {
                    part.text += '\\';
                }
                part.text += c;
            }
            part.text += '"';
        }
        bytes_ += part.text.size() - before;
    }
    ++rows_;
}

std::vector<std::string> RowArrays::take() {
    std::vector<std::string> out;
    for (Part& part : parts_) {
        out.push_back(part.text.empty() ? "{}" : part.text + '}');
        part.text.clear();
    }
    rows_ = 0;
    bytes_ = 0;
    return out;
}

// --- digests -------------------------------------------------------------------------------------

uint32_t CellDigest::bucket() const noexcept {
    const auto byte = [this](size_t i) {
        return static_cast<uint32_t>(static_cast<uint8_t>(key[i]));
    };
    return (byte(0) << 4U) | (byte(1) >> 4U);
}

CellDigest digest_cells(const std::vector<SinkColumn>& columns, const Cells& cells,
                        std::string& scratch) {
    const auto join = [&](bool keys_only) {
        scratch.clear();
        bool is_first = true;
        for (size_t i = 0; i < columns.size(); ++i) {
            if (keys_only && !columns[i].is_key) {
                continue;
            }
            if (!is_first) {
                scratch += '|';
            }
            is_first = false;
            if (cells[i] == kNullCell) {
                scratch += '~';  // as `joined_cells_sql` has it
            } else if (columns[i].kind == CellKind::kText) {
                evm::append_hex(scratch, as_bytes(std::string_view{cells[i]}));
            } else {
                scratch += cells[i];
            }
        }
        return md5(scratch);
    };
    CellDigest out;
    out.key = join(true);
    out.row = join(false);
    return out;
}

}  // namespace plumbline::sink
