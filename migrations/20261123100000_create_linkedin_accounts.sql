-- Calls for one LinkedIn account follow each other, with a gap in between, whichever account group,
-- job or process makes them; and an account that LinkedIn has throttled rests for all of them.
-- New tables and functions only: takes no lock that anybody waits for.

-- One row per account that calls were made for. An account may serve several account groups, so the
-- row is nobody's in particular: it holds times and nothing of a tenant.
create table linkedin_accounts (
    linkedin_account_id text collate "C" not null,
    -- Who has the turn, and until when at the most: a holder that died keeps nobody waiting for longer.
    turn_token uuid,
    busy_until timestamptz,
    last_call_at timestamptz not null default '-infinity',
    -- The gap after the last call ends here.
    next_call_at timestamptz not null default '-infinity',
    -- LinkedIn has throttled the account, for the `throttles`-th time since a call succeeded.
    resting_until timestamptz,
    throttles integer not null default 0,
    constraint linkedin_accounts_pkey primary key (linkedin_account_id),
    constraint linkedin_accounts_turn_has_end check ((turn_token is null) = (busy_until is null)),
    constraint linkedin_accounts_throttles_not_negative check (throttles >= 0)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200);

-- Jobs that asked for a turn and were told when to come back, the longest waiting first. A row goes
-- with its turn, or when its job has not come for an hour.
create table linkedin_account_waiters (
    linkedin_account_id text collate "C" not null,
    account_group_id text collate "C" not null,
    job_id text collate "C" not null,
    waiting_since timestamptz not null,
    expected_at timestamptz not null,
    constraint linkedin_account_waiters_pkey primary key (linkedin_account_id, account_group_id, job_id)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200);

-- Makes the account's row where there is none, and locks it.
create function lock_linkedin_account_v1(p_linkedin_account_id text) returns linkedin_accounts
language plpgsql volatile as $$
declare
    v_account linkedin_accounts;
begin
    loop
        select a.* into v_account
        from linkedin_accounts a
        where a.linkedin_account_id = p_linkedin_account_id
        for no key update;
        if found then
            return v_account;
        end if;
        insert into linkedin_accounts (linkedin_account_id)
        values (p_linkedin_account_id)
        on conflict do nothing;
    end loop;
end
$$;

-- Takes the turn of an account for `p_hold_seconds` at the most, or says when to ask again.
-- A job waits for the call under way, the gap, a rest and the jobs before it. A user's request (without
-- a job) waits for the call under way, a rest, and its own short gap of 5 s at the most.
-- outcome: taken, wait
create function take_linkedin_turn_v1(
    p_linkedin_account_id text,
    p_account_group_id text,
    p_job_id text,
    p_token uuid,
    p_hold_seconds double precision,
    p_gap_seconds double precision,
    p_usual_gap_seconds double precision,
    p_grace_seconds double precision
) returns table (outcome text, wait_seconds double precision, rests boolean)
language plpgsql volatile as $$
declare
    v_account linkedin_accounts := lock_linkedin_account_v1(p_linkedin_account_id);
    -- Read with the lock held: it may have been waited for.
    v_now timestamptz := clock_timestamp();
    -- Between the calls of those who wait, and the least that is worth asking again after.
    v_step interval := make_interval(secs => greatest(p_usual_gap_seconds, 0.1));
    v_is_busy boolean := coalesce(v_account.busy_until > v_now, false);
    v_free_at timestamptz := coalesce(v_account.resting_until, '-infinity');
    v_since timestamptz := v_now;
    v_ahead integer := 0;
    v_due_ahead integer := 0;
begin
    rests := v_free_at > v_now;
    if p_job_id is null then
        v_free_at := greatest(
            v_free_at, v_account.last_call_at + make_interval(secs => least(p_gap_seconds, 5))
        );
    else
        v_free_at := greatest(v_free_at, v_account.next_call_at);
        delete from linkedin_account_waiters w
        where w.linkedin_account_id = p_linkedin_account_id
            and w.expected_at < v_now - interval '1 hour';
        select w.waiting_since into v_since
        from linkedin_account_waiters w
        where w.linkedin_account_id = p_linkedin_account_id
            and w.account_group_id = p_account_group_id and w.job_id = p_job_id;
        v_since := coalesce(v_since, v_now);
        -- Who has not come when expected is no longer waited for, but keeps its place. Who is expected
        -- later does not keep an idle account from being used.
        select count(*), count(*) filter (where w.expected_at <= v_now + least(v_step, interval '1 second'))
        into v_ahead, v_due_ahead
        from linkedin_account_waiters w
        where w.linkedin_account_id = p_linkedin_account_id
            and (w.waiting_since, w.account_group_id, w.job_id) < (v_since, p_account_group_id, p_job_id)
            and w.expected_at >= v_now - make_interval(secs => p_grace_seconds);
    end if;

    if not v_is_busy and v_free_at <= v_now and v_due_ahead = 0 then
        update linkedin_accounts a
        set turn_token = p_token,
            busy_until = v_now + make_interval(secs => p_hold_seconds),
            -- In case that the turn is never given back.
            last_call_at = v_now,
            next_call_at = greatest(a.next_call_at, v_now + make_interval(secs => p_gap_seconds))
        where a.linkedin_account_id = p_linkedin_account_id;
        delete from linkedin_account_waiters w
        where w.linkedin_account_id = p_linkedin_account_id
            and w.account_group_id = p_account_group_id and w.job_id = p_job_id;
        outcome := 'taken';
        wait_seconds := 0;
        return next;
        return;
    end if;

    -- When the call under way ends is not known: ask again about when the gap after it may end.
    v_free_at := greatest(v_free_at, v_now + case when v_is_busy then v_step else interval '0' end)
        + v_ahead * v_step;
    if p_job_id is not null then
        insert into linkedin_account_waiters as w (
            linkedin_account_id, account_group_id, job_id, waiting_since, expected_at
        )
        values (p_linkedin_account_id, p_account_group_id, p_job_id, v_since, v_free_at)
        on conflict on constraint linkedin_account_waiters_pkey
        do update set expected_at = excluded.expected_at;
    end if;
    outcome := 'wait';
    wait_seconds := extract(epoch from v_free_at - v_now);
    return next;
end
$$;

-- Ends a turn, if it is still the one with this token, and says what its call came to. Without a
-- token it only says that. A throttled account rests: for the base time, doubled with each time that
-- it is throttled again before a call succeeds. Calls that were under way when a rest began neither
-- lengthen nor end it.
create function give_back_linkedin_turn_v1(
    p_linkedin_account_id text,
    p_token uuid,
    p_gap_seconds double precision,
    p_outcome text,
    p_rest_base_seconds double precision,
    p_rest_cap_seconds double precision,
    p_rest_asked_seconds double precision
) returns table (wait_seconds double precision, rests boolean)
language plpgsql volatile as $$
declare
    v_account linkedin_accounts := lock_linkedin_account_v1(p_linkedin_account_id);
    v_now timestamptz := clock_timestamp();
    v_is_held boolean := coalesce(v_account.turn_token = p_token, false);
    v_is_resting boolean := coalesce(v_account.resting_until > v_now, false);
    v_rest_seconds double precision := greatest(
        least(p_rest_base_seconds * power(2, least(v_account.throttles, 30)), p_rest_cap_seconds),
        p_rest_asked_seconds
    );
begin
    update linkedin_accounts a
    set turn_token = case when v_is_held then null else a.turn_token end,
        busy_until = case when v_is_held then null else a.busy_until end,
        last_call_at = v_now,
        next_call_at = greatest(a.next_call_at, v_now + make_interval(secs => p_gap_seconds)),
        resting_until = case
            when p_outcome = 'throttled' and not v_is_resting then v_now + make_interval(secs => v_rest_seconds)
            else a.resting_until
        end,
        throttles = case
            when v_is_resting then a.throttles
            when p_outcome = 'throttled' then a.throttles + 1
            when p_outcome = 'succeeded' then 0
            else a.throttles
        end
    where a.linkedin_account_id = p_linkedin_account_id
    returning extract(epoch from greatest(a.next_call_at, coalesce(a.resting_until, v_now), v_now) - v_now),
        coalesce(a.resting_until > v_now, false)
    into wait_seconds, rests;
    return next;
end
$$;

-- As `wait_job_v1`, and knows waits that are no fault of the upstream: for a turn, or for an account
-- that rests. Those do not count as failures, and the patience with the upstream stands still meanwhile.
-- p_fault is what the upstream is waited for: 'failed' (a call of the job), 'refused' (no call was made,
-- since others failed), or null where it is at no fault.
-- outcome: waiting, out_of_patience, lease_lost
create function wait_job_v2(
    p_account_group_id text,
    p_job_id text,
    p_lease_token uuid,
    p_reason text,
    p_fault text,
    p_seconds double precision,
    p_patience_seconds double precision
) returns text
language plpgsql volatile as $$
declare
    v_now timestamptz := clock_timestamp();
    v_due timestamptz := case
        when p_seconds is not null then v_now + make_interval(secs => p_seconds)
        else (date_trunc('day', v_now at time zone 'utc') + interval '1 day') at time zone 'utc'
    end;
    v_is_fault boolean := p_fault is not null;
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
    if v_is_fault and v_job.stalled_waits > 0
        and v_job.progressed_at < v_now - make_interval(secs => p_patience_seconds)
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
        stalled_waits = stalled_waits + case when v_is_fault then 1 else 0 end,
        stalled_by_failure = coalesce(p_fault = 'failed', false) or (stalled_by_failure and stalled_waits > 0),
        -- The patience with an upstream begins with its first failure: how long the job stood in the
        -- queue before, or waited for something else, is no fault of the upstream.
        progressed_at = case
            when p_reason in ('quota', 'paused') then v_due
            when v_is_fault and stalled_waits = 0 then v_now
            when p_reason = 'upstream' and not v_is_fault then progressed_at + (v_due - v_now)
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
