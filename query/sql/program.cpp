#include "query/sql/program.hpp"

#include <algorithm>

#include "query/sql/connection.hpp"

namespace plumbline::query::sql {

namespace {

struct OpcodeRule {
    Effect effect;
    Flow flow = Flow::kNext;
};

/// Of SQLite 3.38 to 3.46. What reads only has no effect; what is not here is `kUnknown`.
const std::unordered_map<std::string_view, OpcodeRule>& opcodes() {
    using enum Effect;
    static const std::unordered_map<std::string_view, OpcodeRule> kAll = {
        {"Init", {kNothing, Flow::kGoto}},
        {"Goto", {kNothing, Flow::kGoto}},
        {"Halt", {kNothing, Flow::kEnd}},
        {"Gosub", {kIntegerToP1, Flow::kGosub}},
        {"Return", {kNothing, Flow::kReturn}},
        {"InitCoroutine", {kIntegerToP1, Flow::kGoto}},
        {"Yield", {kIntegerToP1, Flow::kYield}},
        {"EndCoroutine", {kNothing, Flow::kEndCoroutine}},
        {"Jump", {kNothing, Flow::kJump}},
        {"If", {kNothing, Flow::kBranch}},
        {"IfNot", {kNothing, Flow::kBranch}},
        {"IsNull", {kNothing, Flow::kBranch}},
        {"NotNull", {kNothing, Flow::kBranch}},
        {"IsType", {kNothing, Flow::kBranch}},
        {"IfNullRow", {kNothing, Flow::kBranch}},  // and null to p3, which any value may be
        {"IfPos", {kIntegerToP1, Flow::kBranch}},
        {"IfNotZero", {kIntegerToP1, Flow::kBranch}},
        {"DecrJumpZero", {kIntegerToP1, Flow::kBranch}},
        {"IfNotOpen", {kNothing, Flow::kBranch}},
        {"IfNoHope", {kNothing, Flow::kBranch}},
        {"IfEmpty", {kNothing, Flow::kBranch}},
        {"IfSizeBetween", {kNothing, Flow::kBranch}},
        {"Once", {kNothing, Flow::kBranch}},
        {"ElseEq", {kNothing, Flow::kBranch}},
        {"ElseNotEq", {kNothing, Flow::kBranch}},
        {"MustBeInt", {kIntegerToP1, Flow::kBranch}},
        {"Filter", {kNothing, Flow::kBranch}},
        {"SequenceTest", {kNothing, Flow::kBranch}},
        {"RowSetRead", {kIntegerToP3, Flow::kBranch}},
        {"RowSetTest", {kNothing, Flow::kBranch}},
        {"Rewind", {kNothing, Flow::kBranch}},
        {"Next", {kNothing, Flow::kBranch}},
        {"Prev", {kNothing, Flow::kBranch}},
        {"SorterNext", {kNothing, Flow::kBranch}},
        {"NotExists", {kNothing, Flow::kBranch}},
        {"SeekRowid", {kNothing, Flow::kBranch}},
        {"SeekScan", {kNothing, Flow::kBranch}},
        {"VNext", {kNothing, Flow::kBranch}},
        {"VFilter", {kFilterVirtual, Flow::kBranch}},  // p3 + 2 on: what the table is asked
        {"VInitIn", {kNull}},                          // a list to p2, which only VFilter reads
        // What judges values.
        {"Eq", {kEqual, Flow::kBranch}},
        {"Ne", {kEqual, Flow::kBranch}},
        {"Lt", {kLess, Flow::kBranch}},
        {"Le", {kLess, Flow::kBranch}},
        {"Gt", {kLess, Flow::kBranch}},
        {"Ge", {kLess, Flow::kBranch}},
        {"Compare", {kCompare}},
        {"Found", {kFind, Flow::kBranch}},
        {"NotFound", {kFind, Flow::kBranch}},
        {"NoConflict", {kFind, Flow::kBranch}},
        {"IdxDelete", {kFindToDelete}},  // what is in p3 registers from p2 on
        {"SeekGE", {kSeek, Flow::kBranch}},
        {"SeekGT", {kSeek, Flow::kBranch}},
        {"SeekLE", {kSeek, Flow::kBranch}},
        {"SeekLT", {kSeek, Flow::kBranch}},
        {"IdxGE", {kSeek, Flow::kBranch}},
        {"IdxGT", {kSeek, Flow::kBranch}},
        {"IdxLE", {kSeek, Flow::kBranch}},
        {"IdxLT", {kSeek, Flow::kBranch}},
        {"Sort", {kSort, Flow::kBranch}},
        {"SorterSort", {kSort, Flow::kBranch}},
        {"SorterCompare", {kNothing, Flow::kBranch}},
        {"Last", {kLast, Flow::kBranch}},
        // Values to p2 or as said.
        {"Integer", {kIntegerToP2}},
        {"Int64", {kIntegerToP2}},
        {"Count", {kIntegerToP2}},
        {"Rowid", {kIntegerToP2}},
        {"IdxRowid", {kIntegerToP2}},
        {"NewRowid", {kIntegerToP2}},
        {"Sequence", {kIntegerToP2}},
        {"OffsetLimit", {kIntegerToP2}},
        {"ZeroOrNull", {kIntegerToP2}},
        {"IntCopy", {kIntegerToP2}},
        {"IsTrue", {kIntegerToP2}},
        {"Not", {kIntegerToP2}},
        {"GetSubtype", {kIntegerToP2}},
        {"And", {kIntegerToP3}},
        {"Or", {kIntegerToP3}},
        {"Offset", {kIntegerToP3}},
        {"AddImm", {kIntegerToP1}},
        {"MemMax", {kIntegerToP1}},
        {"Real", {kReal}},
        {"Null", {kNull}},  // p2 to p3
        {"BeginSubrtn", {kNull}},
        {"SoftNull", {kNothing}},  // p1, which any value may be
        {"String", {kString}},
        {"String8", {kString}},
        {"Blob", {kBlob}},
        {"Variable", {kVariable}},  // parameter p1
        {"SCopy", {kShallowCopy}},  // from p1
        {"SetSubtype", {kShallowCopy}},
        {"Copy", {kCopy}},       // p3 + 1 of them, from p1
        {"Move", {kMove}},       // p3 of them, from p1
        {"Add", {kArithmetic}},  // of p1 and p2 to p3
        {"Subtract", {kArithmetic}},
        {"Multiply", {kArithmetic}},
        {"Divide", {kArithmetic}},
        {"Remainder", {kWholeArithmetic}},
        {"BitAnd", {kWholeArithmetic}},
        {"BitOr", {kWholeArithmetic}},
        {"ShiftLeft", {kWholeArithmetic}},
        {"ShiftRight", {kWholeArithmetic}},
        {"BitNot", {kBitNot}},          // of p1
        {"Concat", {kConcat}},          // to p3
        {"Cast", {kCast}},              // p1 itself, to the affinity p2
        {"RealAffinity", {kNothing}},   // of columns of real tables
        {"Affinity", {kAffinity}},      // p2 from p1 on, to those of p4
        {"MakeRecord", {kMakeRecord}},  // p2 from p1 on, with the affinities p4, to p3
        {"Insert", {kInsert}},          // record p2 into cursor p1
        {"IdxInsert", {kInsert}},
        {"SorterInsert", {kInsert}},
        {"Column", {kColumn}},  // column p2 of cursor p1 to p3
        {"VColumn", {kVirtualColumn}},
        {"RowData", {kRowData}},  // row of cursor p1
        {"SorterData", {kRowData}},
        {"Function", {kFunction}},  // of values from p2 on, to p3
        {"PureFunc", {kFunction}},
        {"AggStep", {kAggregateStep}},  // of values from p2 on, into p3
        {"AggStep1", {kAggregateStep}},
        {"AggInverse", {kAggregateStep}},
        {"AggValue", {kAggregateValue}},  // of p1 to p3
        {"AggFinal", {kAggregateFinal}},  // p1 itself
        // Cursors, p1.
        {"OpenEphemeral", {kOpen}},
        {"SorterOpen", {kOpen}},
        {"OpenAutoindex", {kOpenIndex}},
        {"OpenPseudo", {kOpenPseudo}},  // its row is in register p2
        {"OpenDup", {kOpenTwin}},       // of p2
        {"VOpen", {kOpenVirtual}},
        // What changes no value.
        {"OpenRead", {kNothing}},
        {"ReopenIdx", {kNothing}},
        {"Close", {kNothing}},
        {"NullRow", {kNothing}},
        {"DeferredSeek", {kNothing}},
        {"FinishSeek", {kNothing}},
        {"SeekHit", {kNothing}},
        {"SeekEnd", {kNothing}},
        {"ColumnsUsed", {kNothing}},
        {"CursorHint", {kNothing}},
        {"CursorLock", {kNothing}},
        {"CursorUnlock", {kNothing}},
        {"ResetSorter", {kNothing}},
        {"Clear", {kNothing}},
        {"Delete", {kNothing}},
        {"RowSetAdd", {kNothing}},
        {"FilterAdd", {kNothing}},
        {"Permutation", {kNothing}},
        {"CollSeq", {kNothing}},
        {"ResultRow", {kResult}},
        {"ClrSubtype", {kNothing}},
        {"ReleaseReg", {kNothing}},
        {"HaltIfNull", {kNothing}},
        {"Transaction", {kNothing}},
        {"TableLock", {kNothing}},
        {"VBegin", {kNothing}},
        {"Expire", {kNothing}},
        {"Trace", {kNothing}},
        {"Noop", {kNothing}},
        {"Explain", {kNothing}},
        {"Abortable", {kNothing}},
    };
    return kAll;
}

}  // namespace

Result<Program> Program::read(sqlite3* db, std::string_view sql) {
    const std::string asked = "EXPLAIN " + std::string{sql};
    sqlite3_stmt* made = nullptr;
    int code = sqlite3_prepare_v2(db, asked.data(), static_cast<int>(asked.size()), &made, nullptr);
    const Prepared statement{made};
    std::vector<Instruction> out;
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(made);
        if (code != SQLITE_ROW) {
            break;
        }
        const auto text_of = [&](int column) {
            const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(made, column));
            return std::string{text == nullptr ? "" : text};
        };
        Instruction& one = out.emplace_back();
        one.name = text_of(1);
        if (const auto known = opcodes().find(one.name); known != opcodes().end()) {
            one.effect = known->second.effect;
            one.flow = known->second.flow;
        } else {
            one.flow = Flow::kBranch;  // It may be one that jumps.
        }
        one.p1 = sqlite3_column_int(made, 2);
        one.p2 = sqlite3_column_int(made, 3);
        one.p3 = sqlite3_column_int(made, 4);
        one.p4 = text_of(5);
        one.p5 = sqlite3_column_int(made, 6);
    }
    if (code != SQLITE_DONE) {
        return sqlite_error(db, "reading what SQLite makes of the statement");
    }
    return Program{std::move(out)};
}

Program::Program(std::vector<Instruction> instructions) : instructions_{std::move(instructions)} {
    // A coroutine stands between the instruction that makes it and the one that this goes on to.
    for (size_t at = 0; at < instructions_.size(); ++at) {
        const Instruction& one = instructions_[at];
        if (one.name == "InitCoroutine" && one.p2 > one.p3) {
            coroutines_[one.p1].bodies.emplace_back(one.p3, one.p2);
        } else if (one.flow == Flow::kGosub) {
            calls_[one.p1].push_back(at);
        }
    }
    for (size_t at = 0; at < instructions_.size(); ++at) {
        if (instructions_[at].flow == Flow::kYield) {
            Coroutine& routine = coroutines_[instructions_[at].p1];
            (is_inner(at) ? routine.inner : routine.outer).push_back(at);
        }
    }
}

bool Program::is_inner(size_t at) const {
    const auto routine = coroutines_.find(instructions_[at].p1);
    const auto holds = [at](const std::pair<int, int>& body) {
        return at >= static_cast<size_t>(body.first) && at < static_cast<size_t>(body.second);
    };
    return routine != coroutines_.end() && std::ranges::any_of(routine->second.bodies, holds);
}

std::vector<size_t> Program::targets(size_t at) const {
    const Instruction& one = instructions_[at];
    std::vector<size_t> out;
    const auto add = [&](int target) {
        if (target > 0 && static_cast<size_t>(target) < instructions_.size()) {
            out.push_back(static_cast<size_t>(target));
        }
    };
    switch (one.flow) {
        case Flow::kNext:
        case Flow::kEnd: break;
        case Flow::kBranch:
        case Flow::kGoto:
        case Flow::kGosub: add(one.p2); break;
        case Flow::kJump:
            add(one.p1);
            add(one.p2);
            add(one.p3);
            break;
        case Flow::kReturn:
            if (const auto calls = calls_.find(one.p1); calls != calls_.end()) {
                for (const size_t call : calls->second) {
                    add(static_cast<int>(call) + 1);
                }
            }
            break;
        case Flow::kYield:
        case Flow::kEndCoroutine: {
            const auto found = coroutines_.find(one.p1);
            if (found == coroutines_.end()) {
                break;
            }
            const Coroutine& routine = found->second;
            const bool is_end = one.flow == Flow::kEndCoroutine;
            const bool is_outer = !is_end && !is_inner(at);
            for (size_t i = 0; is_outer && i < routine.bodies.size(); ++i) {
                add(routine.bodies[i].first);
            }
            for (const size_t yield : is_outer ? routine.inner : routine.outer) {
                add(is_end ? instructions_[yield].p2 : static_cast<int>(yield) + 1);
            }
            break;
        }
    }
    return out;
}

bool Program::goes_on(size_t at) const {
    const Instruction& one = instructions_[at];
    switch (one.flow) {
        case Flow::kNext:
        case Flow::kBranch: return true;
        case Flow::kGoto: return one.p2 == 0;
        case Flow::kReturn: return one.p3 != 0;  // Then it goes on where it was not called.
        default: return false;
    }
}

}  // namespace plumbline::query::sql
