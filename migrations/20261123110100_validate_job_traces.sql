-- Reads the whole table, but only keeps other schema changes and vacuum waiting.

alter table prospecting_jobs validate constraint prospecting_jobs_trace_id_is_hex;

alter table prospecting_jobs validate constraint prospecting_jobs_traceparent_form;
