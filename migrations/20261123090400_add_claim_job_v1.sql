-- Taking the next job for a worker, as one statement that never waits for a lock.
--
-- Lanes take turns: the open lane whose turn is longest due gives its oldest due job and goes to the
-- end of the line. The cost does not depend on how many jobs are queued.

create function claim_job_v1(p_lease_token uuid, p_lease_seconds double precision, p_max_running integer)
-- outcome: claimed, lane_without_due_job (ask again at once), nothing_open
returns table (outcome text, account_group_id text, job_id text)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    v_group text;
    v_job text;
    v_next_due timestamptz;
    v_now timestamptz;
begin
    select l.account_group_id into v_group
    from lanes l
    where l.next_turn_at <= now() and l.running < p_max_running
    order by l.next_turn_at
    limit 1
    for no key update skip locked;
    if not found then
        return query select 'nothing_open', null::text, null::text;
        return;
    end if;

    -- A variable, since the index is searched by it: with the function in its place all jobs that wait
    -- would be read one by one.
    v_now := clock_timestamp();
    select j.job_id into v_job
    from prospecting_jobs j
    where j.account_group_id = v_group and j.status = 'queued' and j.due_at <= v_now
    order by j.due_at, j.job_id
    limit 1
    for no key update skip locked;

    if found then
        update prospecting_jobs j
        set status = 'running',
            waiting_reason = null,
            lease_token = p_lease_token,
            lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds),
            attempt = attempt + case when attempt_carries then 0 else 1 end,
            stalled_attempts = stalled_attempts + case when attempt_carries then 0 else 1 end,
            attempt_carries = false,
            started_at = coalesce(started_at, clock_timestamp()),
            updated_at = clock_timestamp(),
            version = version + 1
        where j.account_group_id = v_group and j.job_id = v_job;

        update lanes l
        set running = running + 1, parked = false, next_turn_at = clock_timestamp()
        where l.account_group_id = v_group;

        return query select 'claimed', v_group, v_job;
        return;
    end if;

    -- Whoever starts a job holds the credit account, and looks at `parked` while holding it. So only
    -- with that row in hand may the lane be parked: no start can come in between unseen.
    perform from credit_accounts c where c.account_group_id = v_group for no key update skip locked;
    if found then
        select min(j.due_at) into v_next_due
        from prospecting_jobs j
        where j.account_group_id = v_group and j.status = 'queued';
    else
        v_next_due := clock_timestamp();
    end if;

    update lanes l
    set parked = v_next_due is null or v_next_due > clock_timestamp(),
        next_turn_at = case
            when v_next_due is null then 'infinity'::timestamptz
            else greatest(v_next_due, clock_timestamp())
        end
    where l.account_group_id = v_group;

    return query select 'lane_without_due_job', null::text, null::text;
end
$$;
