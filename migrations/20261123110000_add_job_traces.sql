-- Which request started a job: its trace id, and its place in the trace of a tracing system
-- (a W3C traceparent). Log lines and spans of the job's runs carry them, whichever process runs it.
-- Columns that may be null, without a default: the table is locked for a moment and not rewritten.

alter table prospecting_jobs
add column trace_id text collate "C",
add column traceparent text collate "C";

-- Not validated: the rows that are there hold nulls, and looking at them would hold up starts.
alter table prospecting_jobs
add constraint prospecting_jobs_trace_id_is_hex check (trace_id ~ '^[0-9a-f]{24}$') not valid,
add constraint prospecting_jobs_traceparent_form check (
    traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'
) not valid;
