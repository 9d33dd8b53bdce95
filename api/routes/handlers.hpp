// The handlers behind the route table. Internal to api.
#pragma once

#include "api/routes/request_context.hpp"

namespace plumbline::api {

Response get_page(Call& call);
Response get_metrics(Call& call);
Response get_openapi(Call& call);
Response get_health(Call& call);
Response get_ready(Call& call);
Response get_status(Call& call);
Response get_stats(Call& call);
Response get_chain(Call& call);
Response list_entities(Call& call);
Response list_rows(Call& call);
Response get_row(Call& call);
Response get_row_history(Call& call);
Response list_events(Call& call);
Response list_quarantine(Call& call);
Response list_reports(Call& call);
Response list_conflicts(Call& call);
Response list_journal(Call& call);
Response list_analytics(Call& call);
Response get_analytics(Call& call);
Response get_stream(Call& call);
Response list_tasks(Call& call);
Response add_task(Call& call);
Response cancel_task(Call& call);
Response retry_task(Call& call);
Response clear_tasks(Call& call);
Response force_prove(Call& call);
Response force_sync(Call& call);
Response force_reconcile(Call& call);

}  // namespace plumbline::api
