-- Committing a page of results: the people, their rows, the charge, the counts, the cursor and the
-- check of the lease, as one statement. Whatever dies, a page is in as a whole or not at all; the
-- page number it must get makes sure that it is in once.

-- The prospect whom an item of a page is about, or null when the group does not have them yet.
-- By member id, else by provider id, else by public identifier; two known, different member ids are
-- never one person; where the identifiers lead to different prospects the first match wins.
create function find_prospect_v1(
    p_account_group_id text,
    p_member_id text,
    p_provider_id text,
    p_public_identifier_key text
) returns text
language plpgsql stable as $$
declare
    v_prospect text;
begin
    if p_member_id is not null then
        select p.prospect_id into v_prospect
        from prospects p
        where p.account_group_id = p_account_group_id and p.member_id = p_member_id;
        if found then
            return v_prospect;
        end if;
    end if;

    if p_provider_id is not null then
        select p.prospect_id into v_prospect
        from prospect_provider_ids i
        join prospects p on p.account_group_id = i.account_group_id and p.prospect_id = i.prospect_id
        where i.account_group_id = p_account_group_id and i.provider_id = p_provider_id
            and (p.member_id is null or p_member_id is null)
        order by p.created_at, p.prospect_id
        limit 1;
        if found then
            return v_prospect;
        end if;
    end if;

    if p_public_identifier_key is not null then
        select p.prospect_id into v_prospect
        from prospects p
        where p.account_group_id = p_account_group_id
            and p.public_identifier_key = p_public_identifier_key
            and (p.member_id is null or p_member_id is null)
        order by p.created_at, p.prospect_id
        limit 1;
    end if;
    return v_prospect;
end
$$;

create function import_page_v1(
    p_account_group_id text,
    p_job_id text,
    p_lease_token uuid,
    p_lease_seconds double precision,
    -- The number that this page must get: pages committed so far, plus one.
    p_page integer,
    -- [{"kind": "person", "input_url"?, "prospect_id", "provider_id"?, "member_id"?, ...}] or
    -- [{"kind": "invalid" | "not_found" | "failed", "reason"?, "input_url"?, "provider_id"?}]
    p_items jsonb,
    p_cursor jsonb,
    p_available integer,
    -- Null while the upstream has more, else source_exhausted or source_cap.
    p_upstream_ended text,
    p_list_type text,
    p_fetched_max integer,
    -- A source counts as exhausted after so many pages in a row, with so many items on them, without a
    -- new person. Pages may be as small as the rows still wanted, so that pages alone say little.
    p_barren_pages_max integer,
    p_barren_items_max integer
)
-- outcome: committed, already_done (this page number is taken: read the job back), lease_lost
returns table (
    outcome text,
    job_ended boolean,
    import_ended boolean,
    rows_wanted integer,
    fetched integer,
    quota_used integer
)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    v_job prospecting_jobs%rowtype;
    v_item record;
    v_prospect text;
    v_outcome text;
    v_by_row boolean;
    v_cut boolean := false;
    v_rows integer;
    v_imported integer := 0;
    v_duplicates integer := 0;
    v_invalid integer := 0;
    v_not_found integer := 0;
    v_failed integer := 0;
    v_new integer := 0;
    v_sent integer := jsonb_array_length(p_items);
    -- A page without any item counts as a full one, or a source of empty pages would never end.
    v_barren_items integer := coalesce(nullif(jsonb_array_length(p_items), 0), 25);
    v_balance bigint;
    v_stop text;
    v_wanted integer;
    v_quota_used integer;
begin
    perform from credit_accounts c where c.account_group_id = p_account_group_id for no key update;

    select * into v_job
    from prospecting_jobs j
    where j.account_group_id = p_account_group_id and j.job_id = p_job_id
        and j.status = 'running' and j.lease_token = p_lease_token
    for no key update;
    if not found then
        return query select 'lease_lost', false, false, 0, 0, 0;
        return;
    end if;
    if v_job.page + 1 <> p_page or v_job.import_status <> 'open' then
        return query select 'already_done', false, false, 0, 0, 0;
        return;
    end if;

    -- In a url_upload every URL gets its row; elsewhere rows are people, each once.
    v_by_row := v_job.source = 'url_upload';
    v_rows := v_job.row_count;
    v_wanted := v_job.max_results - v_job.imported
        - case when v_job.skip_duplicates and not v_by_row then 0 else v_job.duplicates end;

    for v_item in
        select item.*
        from rows from (
            jsonb_to_recordset(p_items) as (
                kind text, reason text, input_url text, prospect_id text, provider_id text,
                member_id text, public_identifier text, public_identifier_key text, linkedin_url text,
                first_name text, last_name text, name text, headline text, title text,
                company_name text, location text
            )
        ) with ordinality as item
        order by ordinality
    loop
        v_prospect := null;
        if v_item.kind <> 'person' then
            v_outcome := v_item.kind;
            v_invalid := v_invalid + (v_outcome = 'invalid')::integer;
            v_not_found := v_not_found + (v_outcome = 'not_found')::integer;
            v_failed := v_failed + (v_outcome = 'failed')::integer;
            continue when not v_by_row;
        else
            v_prospect := find_prospect_v1(
                p_account_group_id, v_item.member_id, v_item.provider_id, v_item.public_identifier_key
            );
            if v_prospect is not null and not v_by_row then
                continue when exists (
                    select from job_prospects r
                    where r.account_group_id = p_account_group_id and r.job_id = p_job_id
                        and r.prospect_id = v_prospect
                );
            end if;
            if v_wanted = 0 and not v_by_row then
                v_cut := true;
                exit;
            end if;

            if v_prospect is null then
                v_outcome := 'imported';
                v_prospect := v_item.prospect_id;
                insert into prospects (
                    account_group_id, prospect_id, member_id, public_identifier, public_identifier_key,
                    linkedin_url, first_name, last_name, name, headline, title, company_name, location
                ) values (
                    p_account_group_id, v_prospect, v_item.member_id, v_item.public_identifier,
                    v_item.public_identifier_key, v_item.linkedin_url, v_item.first_name, v_item.last_name,
                    v_item.name, v_item.headline, v_item.title, v_item.company_name, v_item.location
                );
                if v_item.provider_id is not null then
                    insert into prospect_provider_ids (account_group_id, provider_id, prospect_id)
                    values (p_account_group_id, v_item.provider_id, v_prospect);
                end if;
                v_imported := v_imported + 1;
                v_wanted := v_wanted - 1;
                v_new := v_new + 1;
            else
                v_outcome := 'duplicate';
                update prospects p
                set first_name = coalesce(v_item.first_name, p.first_name),
                    last_name = coalesce(v_item.last_name, p.last_name),
                    name = coalesce(v_item.name, p.name),
                    headline = coalesce(v_item.headline, p.headline),
                    title = coalesce(v_item.title, p.title),
                    company_name = coalesce(v_item.company_name, p.company_name),
                    location = coalesce(v_item.location, p.location),
                    updated_at = clock_timestamp()
                where p.account_group_id = p_account_group_id and p.prospect_id = v_prospect
                    and (
                        v_item.first_name is distinct from p.first_name
                        or v_item.last_name is distinct from p.last_name
                        or v_item.name is distinct from p.name
                        or v_item.headline is distinct from p.headline
                        or v_item.title is distinct from p.title
                        or v_item.company_name is distinct from p.company_name
                        or v_item.location is distinct from p.location
                    );
                if v_job.skip_duplicates and not v_by_row then
                    insert into job_skipped_prospects (account_group_id, job_id, prospect_id)
                    values (p_account_group_id, p_job_id, v_prospect)
                    on conflict do nothing;
                    if found then
                        v_duplicates := v_duplicates + 1;
                        v_new := v_new + 1;
                    end if;
                    continue;
                end if;
                v_duplicates := v_duplicates + 1;
                v_wanted := v_wanted - 1;
                v_new := v_new + 1;
            end if;
        end if;

        v_rows := v_rows + 1;
        insert into job_prospects (
            account_group_id, job_id, row_number, outcome, outcome_reason, input_url, prospect_id, provider_id
        ) values (
            p_account_group_id, p_job_id, v_rows, v_outcome, v_item.reason, v_item.input_url, v_prospect,
            v_item.provider_id
        );
    end loop;

    v_stop := case
        when v_cut then 'max_results'
        when p_upstream_ended is not null then p_upstream_ended
        when v_wanted = 0 and not v_by_row then 'max_results'
        when v_job.fetched + v_sent >= p_fetched_max then 'source_cap'
        when v_new = 0 and not v_by_row
            and v_job.barren_pages + 1 >= p_barren_pages_max
            and v_job.barren_items + v_barren_items >= p_barren_items_max
            then 'source_exhausted'
    end;

    if v_imported > 0 then
        update credit_accounts c
        set balance = balance - v_imported, reserved = reserved - v_imported
        where c.account_group_id = p_account_group_id
        returning c.balance into v_balance;
        insert into credit_entries (account_group_id, kind, amount, balance_after, job_id, page)
        values (p_account_group_id, 'import', -v_imported, v_balance, p_job_id, p_page);
    end if;

    update prospecting_jobs j
    set page = p_page,
        cursor = p_cursor,
        barren_pages = case when v_new = 0 then barren_pages + 1 else 0 end,
        barren_items = case when v_new = 0 then barren_items + v_barren_items else 0 end,
        row_count = v_rows,
        available = coalesce(p_available, available),
        fetched = fetched + v_sent,
        imported = imported + v_imported,
        duplicates = duplicates + v_duplicates,
        invalid = invalid + v_invalid,
        not_found = not_found + v_not_found,
        failed = failed + v_failed,
        credits_charged = credits_charged + v_imported,
        import_progress = case
            when v_stop is not null then 1
            else greatest(import_progress, least(1, v_rows::double precision / greatest(
                1, least(max_results, coalesce(p_available, available, max_results))
            )))
        end,
        import_status = case when v_stop is not null then 'completed' else import_status end,
        stop_reason = v_stop,
        -- With nobody to look up there is nothing left to do.
        enrichment_status = case
            when v_stop is not null and enrichment_status = 'open' and imported + v_imported = 0 then 'completed'
            else enrichment_status
        end,
        lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds),
        stalled_attempts = 0,
        stalled_waits = 0,
        progressed_at = clock_timestamp(),
        updated_at = clock_timestamp(),
        version = version + 1
    where j.account_group_id = p_account_group_id and j.job_id = p_job_id
    returning j.* into v_job;

    insert into quota_usage as q (account_group_id, list_type, day, used)
    values (p_account_group_id, p_list_type, (clock_timestamp() at time zone 'utc')::date, v_sent)
    on conflict on constraint quota_usage_pkey do update set used = q.used + excluded.used
    returning q.used into v_quota_used;

    if v_stop is not null and v_job.enrichment_status <> 'open' then
        perform settle_job_v1(p_account_group_id, p_job_id, 'completed', null, null, true);
        return query select 'committed', true, true, 0, v_job.fetched, v_quota_used;
    else
        return query select 'committed', false, v_stop is not null, v_wanted, v_job.fetched, v_quota_used;
    end if;
end
$$;
