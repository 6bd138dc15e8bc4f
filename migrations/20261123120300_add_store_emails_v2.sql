-- As `store_emails_v1`, but for people who were erased: no address is stored about them, and the
-- look-up is complete when nobody else is left to be looked up, whether or not each imported person
-- was answered. A batch may be answered in part: then people after `p_through_row` have an answer, too.
-- New function only: takes no lock that anybody waits for.

create function store_emails_v2(
    p_account_group_id text,
    p_job_id text,
    p_lease_token uuid,
    p_lease_seconds double precision,
    -- The number that this batch must get: batches committed so far, plus one.
    p_batch integer,
    -- Rows up to this number are answered with this batch.
    p_through_row integer,
    -- [{"prospect_id", "email"?, "email_status": "valid" | "unverified" | "not_found"}]
    p_answers jsonb
)
-- outcome: committed, already_done (this batch number is taken: read the job back), lease_lost
returns table (outcome text, job_ended boolean)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    v_job prospecting_jobs%rowtype;
    v_answered integer := jsonb_array_length(p_answers);
    v_found integer;
    v_balance bigint;
    v_is_complete boolean;
begin
    perform from credit_accounts c where c.account_group_id = p_account_group_id for no key update;

    select * into v_job
    from prospecting_jobs j
    where j.account_group_id = p_account_group_id and j.job_id = p_job_id
        and j.status = 'running' and j.lease_token = p_lease_token
    for no key update;
    if not found then
        return query select 'lease_lost', false;
        return;
    end if;
    if v_job.enrichment_batch + 1 <> p_batch or v_job.import_status <> 'completed' then
        return query select 'already_done', false;
        return;
    end if;

    update prospects p
    set email = a.email, email_status = a.email_status, updated_at = clock_timestamp()
    from jsonb_to_recordset(p_answers) as a (prospect_id text, email text, email_status text)
    where p.account_group_id = p_account_group_id and p.prospect_id = a.prospect_id and p.erased_at is null;

    select count(*) into v_found
    from jsonb_to_recordset(p_answers) as a (email text)
    where a.email is not null;

    v_is_complete := not exists (
        select from job_prospects r
        -- Person by person, whatever the planner knew of the tables' sizes.
        cross join lateral (
            select p.erased_at, p.email_status from prospects p
            where p.account_group_id = p_account_group_id and p.prospect_id = r.prospect_id
            offset 0
        ) as p
        where r.account_group_id = p_account_group_id and r.job_id = p_job_id
            and r.row_number > p_through_row and r.outcome = 'imported' and p.erased_at is null
            and p.email_status is null
    );

    if v_answered > 0 then
        update credit_accounts c
        set balance = balance - v_answered, reserved = reserved - v_answered
        where c.account_group_id = p_account_group_id
        returning c.balance into v_balance;
        insert into credit_entries (account_group_id, kind, amount, balance_after, job_id, page)
        values (p_account_group_id, 'email', -v_answered, v_balance, p_job_id, p_batch);
    end if;

    update prospecting_jobs j
    set enrichment_batch = p_batch,
        enriched_through = p_through_row,
        answered = answered + v_answered,
        emails_found = emails_found + v_found,
        credits_charged = credits_charged + v_answered,
        enrichment_status = case when v_is_complete then 'completed' else enrichment_status end,
        lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds),
        stalled_attempts = 0,
        stalled_waits = 0,
        progressed_at = clock_timestamp(),
        updated_at = clock_timestamp(),
        version = version + 1
    where j.account_group_id = p_account_group_id and j.job_id = p_job_id;

    if v_is_complete then
        perform settle_job_v1(p_account_group_id, p_job_id, 'completed', null, null, true);
    end if;
    return query select 'committed', v_is_complete;
end
$$;
