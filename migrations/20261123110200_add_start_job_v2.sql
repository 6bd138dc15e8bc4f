-- As start_job_v1, which older processes go on calling, and stores with the job which request started
-- it. A replay finds the job as it is: the trace stays that of the first start.
-- A new function only: takes no lock that anybody waits for.

create function start_job_v2(
    p_account_group_id text,
    p_job_id text,
    p_source text,
    p_request jsonb,
    p_max_results integer,
    p_search_emails boolean,
    p_skip_duplicates boolean,
    p_metadata jsonb,
    p_idempotency_key text,
    p_fingerprint bytea,
    p_reservation bigint,
    p_trace_id text,
    p_traceparent text
)
-- outcome: created, replayed, conflict, insufficient_credits, no_account_group
returns table (outcome text, job_id text, status text, created_at timestamptz, available bigint)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    v_available bigint;
    v_job record;
begin
    select balance - reserved into v_available
    from credit_accounts
    where account_group_id = p_account_group_id
    for no key update;
    if not found then
        return query select 'no_account_group', null::text, null::text, null::timestamptz, null::bigint;
        return;
    end if;

    if p_idempotency_key is not null then
        select j.job_id, j.status, j.created_at, j.fingerprint into v_job
        from prospecting_jobs j
        where j.account_group_id = p_account_group_id and j.idempotency_key = p_idempotency_key;
        if found then
            return query select
                case when v_job.fingerprint = p_fingerprint then 'replayed' else 'conflict' end,
                v_job.job_id, v_job.status, v_job.created_at, v_available;
            return;
        end if;
    end if;

    if v_available < p_reservation then
        return query select 'insufficient_credits', null::text, null::text, null::timestamptz, v_available;
        return;
    end if;

    update credit_accounts
    set reserved = reserved + p_reservation
    where account_group_id = p_account_group_id;

    insert into prospecting_jobs as j (
        account_group_id, job_id, source, request, max_results, search_emails, skip_duplicates,
        metadata, idempotency_key, fingerprint, enrichment_status, credits_reserved,
        trace_id, traceparent
    ) values (
        p_account_group_id, p_job_id, p_source, p_request, p_max_results, p_search_emails,
        p_skip_duplicates, p_metadata, p_idempotency_key,
        case when p_idempotency_key is not null then p_fingerprint end,
        case when p_search_emails then 'open' else 'skipped' end, p_reservation,
        p_trace_id, p_traceparent
    )
    returning j.job_id, j.status, j.created_at into v_job;

    -- Touched only when parked: the lane is the one row that the workers fight for.
    update lanes
    set parked = false, next_turn_at = least(next_turn_at, now())
    where account_group_id = p_account_group_id and parked;

    return query select 'created', v_job.job_id, v_job.status, v_job.created_at, v_available - p_reservation;
end
$$;
