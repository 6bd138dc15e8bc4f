-- What a job has come to, for metrics and log lines: read in the statement that changes the job, so
-- that knowing it costs no further round trip.
-- A new function only: takes no lock that anybody waits for.

-- Volatile, since it must see what the function before it in the same statement has just written; a
-- join with the table would see the job as it was before. Strict, so that a claim without a job is
-- not looked up.
create function job_totals_v1(p_account_group_id text, p_job_id text)
returns table (
    source text,
    trace_id text,
    traceparent text,
    fetched integer,
    imported integer,
    duplicates integer,
    invalid integer,
    not_found integer,
    failed integer,
    suppressed integer,
    answered integer,
    emails_found integer,
    credits_charged bigint,
    -- From the start to the end, or until now.
    seconds double precision,
    -- Whether this very statement wrote the job.
    written_now boolean
)
language plpgsql volatile strict as $$
#variable_conflict use_column
begin
    return query
    select j.source, j.trace_id, j.traceparent, j.fetched, j.imported, j.duplicates, j.invalid, j.not_found,
        j.failed, j.suppressed, j.answered, j.emails_found, j.credits_charged,
        extract(epoch from coalesce(j.ended_at, clock_timestamp()) - j.created_at)::double precision,
        coalesce(j.xmin = pg_current_xact_id_if_assigned()::xid, false)
    from prospecting_jobs j
    where j.account_group_id = p_account_group_id and j.job_id = p_job_id;
end
$$;
