-- Cancelling a job that has not ended. Takes the credit account first, like every page: a page that is
-- being committed is in before the cancel, or finds its lease gone and is not in at all.

create function cancel_job_v1(p_account_group_id text, p_job_id text)
-- outcome: cancelled (now or before), ended (completed or failed, nothing was changed), not_found
returns text
language plpgsql volatile as $$
declare
    v_status text;
begin
    perform from credit_accounts c where c.account_group_id = p_account_group_id for no key update;

    select j.status into v_status
    from prospecting_jobs j
    where j.account_group_id = p_account_group_id and j.job_id = p_job_id and j.pruned_at is null
    for no key update;
    if not found then
        return 'not_found';
    end if;
    if v_status = 'cancelled' then
        return 'cancelled';
    end if;
    if v_status in ('completed', 'failed') then
        return 'ended';
    end if;
    perform settle_job_v1(p_account_group_id, p_job_id, 'cancelled', null, null, v_status = 'running');
    return 'cancelled';
end
$$;
