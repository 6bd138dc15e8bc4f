-- Counting the jobs that have not ended, for metrics, at a cost that does not depend on how many have.
-- A new function only: takes no lock that anybody waits for.

-- Each half reads, in its own order, one of the partial indexes that hold only such jobs. Reading the
-- table is switched off for the function: statistics from when most jobs were queued would lead the
-- planner there, past every job that has ended since.
create function count_open_jobs_v1(p_counted_max bigint)
returns table (
    status text,
    source text,
    waiting_reason text,
    jobs bigint,
    -- Queued jobs that may run now, and for how many seconds the first of them may.
    due bigint,
    oldest_due double precision
)
language plpgsql stable
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
begin
    return query
    select open.status, open.source, open.waiting_reason, count(*),
        count(*) filter (where open.status = 'queued' and open.due_at <= now()),
        extract(epoch from now() - min(open.due_at) filter (
            where open.status = 'queued' and open.due_at <= now()
        ))::double precision
    from (
        (
            select j.status, j.source, j.waiting_reason, j.due_at
            from prospecting_jobs j
            where j.status = 'queued'
            order by j.account_group_id, j.due_at, j.job_id
            limit p_counted_max
        )
        union all
        (
            select j.status, j.source, j.waiting_reason, j.due_at
            from prospecting_jobs j
            where j.status = 'running'
            order by j.account_group_id, j.job_id
            limit p_counted_max
        )
    ) as open
    group by open.status, open.source, open.waiting_reason;
end
$$;
