-- How a run lets go of its job: end, wait, hand back, break off, or lose its lease. Each is one
-- statement, fenced by the lease token of the claim, and gives the lane its place back.

-- Ends a job whose credit account and row the caller has locked: closes the stages that are still
-- open, releases what is left of the reservation and frees the lane.
create function settle_job_v1(
    p_account_group_id text,
    p_job_id text,
    p_status text,
    p_error_code text,
    p_error_message text,
    p_was_running boolean
) returns void
language plpgsql volatile as $$
declare
    v_released bigint;
begin
    update prospecting_jobs j
    set status = p_status,
        error_code = p_error_code,
        error_message = p_error_message,
        enrichment_status = case
            when enrichment_status <> 'open' then enrichment_status
            when import_status = 'open' then 'skipped'
            else p_status
        end,
        import_status = case when import_status = 'open' then p_status else import_status end,
        stop_reason = coalesce(stop_reason, case p_status when 'cancelled' then 'cancelled' else 'error' end),
        lease_token = null,
        lease_expires_at = null,
        waiting_reason = null,
        credits_released = credits_reserved - credits_charged,
        updated_at = clock_timestamp(),
        ended_at = clock_timestamp(),
        version = version + 1
    where j.account_group_id = p_account_group_id and j.job_id = p_job_id
    returning j.credits_released into v_released;

    update credit_accounts c
    set reserved = reserved - v_released
    where c.account_group_id = p_account_group_id and v_released > 0;

    if p_was_running then
        update lanes l
        set running = running - 1
        where l.account_group_id = p_account_group_id;
    end if;
end
$$;

-- Fails a job for good. People imported so far stay.
-- Returns whether the lease was still held.
create function fail_job_v1(
    p_account_group_id text,
    p_job_id text,
    p_lease_token uuid,
    p_error_code text,
    p_error_message text
) returns boolean
language plpgsql volatile as $$
begin
    perform from credit_accounts c where c.account_group_id = p_account_group_id for no key update;

    perform from prospecting_jobs j
    where j.account_group_id = p_account_group_id and j.job_id = p_job_id
        and j.status = 'running' and j.lease_token = p_lease_token
    for no key update;
    if not found then
        return false;
    end if;
    perform settle_job_v1(p_account_group_id, p_job_id, 'failed', p_error_code, p_error_message, true);
    return true;
end
$$;

-- Completes a job whose import is done although the e-mail finder failed for good.
-- Returns whether the lease was still held.
create function give_up_enrichment_v1(
    p_account_group_id text,
    p_job_id text,
    p_lease_token uuid,
    p_error_code text,
    p_error_message text
) returns boolean
language plpgsql volatile as $$
begin
    perform from credit_accounts c where c.account_group_id = p_account_group_id for no key update;

    update prospecting_jobs j
    set enrichment_status = 'failed',
        enrichment_error_code = p_error_code,
        enrichment_error_message = p_error_message
    where j.account_group_id = p_account_group_id and j.job_id = p_job_id
        and j.status = 'running' and j.lease_token = p_lease_token
        and j.import_status = 'completed' and j.enrichment_status = 'open';
    if not found then
        return false;
    end if;
    perform settle_job_v1(p_account_group_id, p_job_id, 'completed', null, null, true);
    return true;
end
$$;

-- Gives the worker slot back until `p_seconds` from now (or, without a number, the next UTC day).
-- With a reason the job waits visibly; without one it is handed back to the queue. The next run
-- counts as the same attempt.
-- outcome: waiting, out_of_patience (an upstream kept it waiting for longer than p_patience_seconds;
-- nothing was changed), lease_lost
create function wait_job_v1(
    p_account_group_id text,
    p_job_id text,
    p_lease_token uuid,
    p_reason text,
    p_seconds double precision,
    p_patience_seconds double precision
) returns text
language plpgsql volatile as $$
declare
    v_due timestamptz := case
        when p_seconds is not null then clock_timestamp() + make_interval(secs => p_seconds)
        else (date_trunc('day', clock_timestamp() at time zone 'utc') + interval '1 day') at time zone 'utc'
    end;
    v_job record;
begin
    select j.progressed_at, j.stalled_waits into v_job
    from prospecting_jobs j
    where j.account_group_id = p_account_group_id and j.job_id = p_job_id
        and j.status = 'running' and j.lease_token = p_lease_token
    for no key update;
    if not found then
        return 'lease_lost';
    end if;
    if p_reason = 'upstream' and v_job.stalled_waits > 0
        and v_job.progressed_at < clock_timestamp() - make_interval(secs => p_patience_seconds)
    then
        return 'out_of_patience';
    end if;

    update prospecting_jobs j
    set status = 'queued',
        lease_token = null,
        lease_expires_at = null,
        waiting_reason = p_reason,
        due_at = v_due,
        attempt_carries = true,
        stalled_waits = stalled_waits + case when p_reason = 'upstream' then 1 else 0 end,
        -- The patience with an upstream begins with its first failure: how long the job stood in the
        -- queue before, or waited for a quota or an operator, is no fault of the upstream.
        progressed_at = case
            when p_reason in ('quota', 'paused') then v_due
            when p_reason = 'upstream' and stalled_waits = 0 then clock_timestamp()
            else progressed_at
        end,
        updated_at = clock_timestamp(),
        version = version + 1
    where j.account_group_id = p_account_group_id and j.job_id = p_job_id;

    update lanes l
    set running = running - 1,
        next_turn_at = case when parked then least(next_turn_at, v_due) else next_turn_at end
    where l.account_group_id = p_account_group_id;
    return 'waiting';
end
$$;

-- Puts a job back after a run that broke: a panic, a step over its time limit, or (with
-- `p_only_expired`) a worker that let its lease run out. The attempt stays counted; the
-- `p_attempts_max`-th in a row without progress fails the job.
-- outcome: requeued, failed, lease_lost
create function break_off_run_v1(
    p_account_group_id text,
    p_job_id text,
    p_lease_token uuid,
    p_only_expired boolean,
    p_retry_seconds double precision,
    p_attempts_max integer,
    p_error_code text,
    p_error_message text
) returns text
language plpgsql volatile as $$
declare
    v_due timestamptz := clock_timestamp() + make_interval(secs => p_retry_seconds);
    v_stalled integer;
begin
    perform from credit_accounts c where c.account_group_id = p_account_group_id for no key update;

    select j.stalled_attempts into v_stalled
    from prospecting_jobs j
    where j.account_group_id = p_account_group_id and j.job_id = p_job_id
        and j.status = 'running' and j.lease_token = p_lease_token
        and (not p_only_expired or j.lease_expires_at < clock_timestamp())
    for no key update;
    if not found then
        return 'lease_lost';
    end if;
    if v_stalled >= p_attempts_max then
        perform settle_job_v1(p_account_group_id, p_job_id, 'failed', p_error_code, p_error_message, true);
        return 'failed';
    end if;

    update prospecting_jobs j
    set status = 'queued',
        lease_token = null,
        lease_expires_at = null,
        due_at = v_due,
        updated_at = clock_timestamp(),
        version = version + 1
    where j.account_group_id = p_account_group_id and j.job_id = p_job_id;

    update lanes l
    set running = running - 1,
        next_turn_at = case when parked then least(next_turn_at, v_due) else next_turn_at end
    where l.account_group_id = p_account_group_id;
    return 'requeued';
end
$$;
