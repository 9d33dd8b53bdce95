// What the writer left becomes a record of the ring: rows and events as JSON, once for all clients.
#pragma once

#include <cstddef>
#include <memory>

#include "api/stream/commit_trail.hpp"
#include "api/stream/stream_feed.hpp"
#include "api/stream/stream_input.hpp"
#include "api/stream/stream_record.hpp"
#include "engine/text/event_text.hpp"

namespace plumbline::api {

/// One thread. `feed` must outlive it.
class StreamRenderer {
  public:
    explicit StreamRenderer(const StreamFeed& feed) : feed_{feed} {}

    /// Its number comes from the ring. A rollback that the trail does not reach becomes a reset.
    [[nodiscard]] StreamRecord render(StreamInput input);
    /// `record` is in the ring, whose oldest is `oldest_seq` now.
    void on_appended(std::shared_ptr<const StreamRecord> record, uint64_t oldest_seq);

  private:
    void render_rows(const StreamInput& input, StreamRecord& record) const;
    void render_events(const StreamInput& input, StreamRecord& record);
    void render_retract(StreamRecord& record);
    [[nodiscard]] bool read_children(const StreamInput& input);
    [[nodiscard]] std::string row(size_t entity, std::string_view key, std::string_view row) const;

    const StreamFeed& feed_;
    CommitTrail trail_;
    std::unique_ptr<engine::EventText> text_;  ///< null until the first event
    /// `text_` does not know all children: they are read again, which takes long where they are
    /// many, before the next event is shown. Else those of each commit are added as they come.
    bool lacks_children_ = true;
};

}  // namespace plumbline::api
