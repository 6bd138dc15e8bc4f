-- Pruning: what an ended job holds about people and about what was asked goes, its totals stay.
-- New function only: takes no lock that anybody waits for.

-- Prunes the jobs that ended longest ago, if that is more than `p_days` days: as a whole or not at
-- all, so that nobody ever sees a job with some of its rows. At most `p_jobs` jobs, and no further
-- job once `p_rows` rows are gone. Whoever finds another process at it leaves it alone, and so does
-- it with jobs that are locked just now. Returns how many jobs were pruned.
create function prune_jobs_v1(p_days integer, p_jobs integer, p_rows integer) returns integer
language plpgsql volatile
-- Planned for the sizes that the tables have just now.
set plan_cache_mode = force_custom_plan
as $$
declare
    v_pruned integer;
begin
    -- "prune" in hexadecimal.
    if not pg_try_advisory_xact_lock(x'7072756e65'::bigint) then
        return 0;
    end if;

    with oldest as (
        select j.account_group_id, j.job_id, j.ended_at, j.row_count, j.duplicates
        from prospecting_jobs j
        where j.ended_at < now() - make_interval(days => p_days) and j.pruned_at is null
        order by j.ended_at
        limit p_jobs
        for no key update skip locked
    ),
    chosen as materialized (
        select m.account_group_id, m.job_id
        from (
            -- A duplicate is a row, or a person who was skipped.
            select o.*, sum(o.row_count + o.duplicates) over (
                order by o.ended_at, o.account_group_id, o.job_id
                rows between unbounded preceding and 1 preceding
            ) as rows_before
            from oldest o
        ) as m
        where coalesce(m.rows_before, 0) < p_rows
    ),
    rows_gone as (
        delete from job_prospects r
        using chosen c
        where r.account_group_id = c.account_group_id and r.job_id = c.job_id
    ),
    skipped_gone as (
        delete from job_skipped_prospects s
        using chosen c
        where s.account_group_id = c.account_group_id and s.job_id = c.job_id
    ),
    pruned as (
        update prospecting_jobs j
        set request = null, metadata = '{}', cursor = null, idempotency_key = null, fingerprint = null,
            pruned_at = now()
        from chosen c
        where j.account_group_id = c.account_group_id and j.job_id = c.job_id
        returning j.job_id
    )
    select count(*) into v_pruned from pruned;
    return v_pruned;
end
$$;
