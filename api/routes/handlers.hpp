// The handlers behind the route table. Internal to api.
#pragma once

#include "api/routes/request_context.hpp"

namespace plumbline::api {

Response get_page(RequestContext& request);
Response get_metrics(RequestContext& request);
Response get_openapi(RequestContext& request);
Response get_health(RequestContext& request);
Response get_ready(RequestContext& request);
Response get_status(RequestContext& request);
Response get_stats(RequestContext& request);
Response get_progress(RequestContext& request);
Response get_chain(RequestContext& request);
Response list_entities(RequestContext& request);
Response list_rows(RequestContext& request);
Response get_row(RequestContext& request);
Response get_row_history(RequestContext& request);
Response list_events(RequestContext& request);
Response list_sql_tables(RequestContext& request);
Response run_sql(RequestContext& request);
Response list_quarantine(RequestContext& request);
Response list_reports(RequestContext& request);
Response list_conflicts(RequestContext& request);
Response list_journal(RequestContext& request);
Response list_analytics(RequestContext& request);
Response get_analytics(RequestContext& request);
Response get_stream(RequestContext& request);
Response post_rpc(RequestContext& request);
Response get_ponder_db(RequestContext& request);
Response get_ponder_live(RequestContext& request);
Response get_ponder_status(RequestContext& request);
Response list_tasks(RequestContext& request);
Response add_task(RequestContext& request);
Response cancel_task(RequestContext& request);
Response retry_task(RequestContext& request);
Response clear_tasks(RequestContext& request);
Response force_prove(RequestContext& request);
Response force_sync(RequestContext& request);
Response force_reconcile(RequestContext& request);

}  // namespace plumbline::api
