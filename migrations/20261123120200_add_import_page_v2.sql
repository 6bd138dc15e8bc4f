-- Committing a page of results in a few statements over all of its items, instead of some for each.
-- What comes of a page is what `import_page_v1` makes of it, but for people who were erased: they are
-- counted as suppressed and never stored.
-- New functions only: takes no lock that anybody waits for.

-- Takes entries (1, 2, 3...) out of the list of a `url_upload`. What stands there instead names nobody,
-- and is an address that every version of the program can read.
create function forget_uploaded_urls_v1(p_request jsonb, p_entries integer []) returns jsonb
language sql immutable as $$
    select jsonb_set(p_request, '{url_upload,urls}', jsonb_agg(
        case when u.entry = any(p_entries) then '{
            "input": "https://www.linkedin.com/in/~erased",
            "profile": "https://www.linkedin.com/in/~erased"
        }'::jsonb else u.url end
        order by u.entry
    ))
    from jsonb_array_elements(p_request #> '{url_upload,urls}') with ordinality as u (url, entry)
$$;

create function import_page_v2(
    p_account_group_id text,
    p_job_id text,
    p_lease_token uuid,
    p_lease_seconds double precision,
    -- The number that this page must get: pages committed so far, plus one.
    p_page integer,
    -- [{"kind": "person", "input_url"?, "prospect_id", "provider_id"?, "member_id"?, ...}] or
    -- [{"kind": "invalid" | "not_found" | "failed" | "suppressed", "reason"?, "input_url"?}]
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
    p_barren_items_max integer,
    -- What tells the key of the hashes from others; null when the worker has none.
    p_key_check bytea,
    -- For each identifier of each item: the item (1, 2, 3...), the keyed hash of the identifier, and that
    -- of the item's member id where it has one.
    p_hash_items integer [],
    p_hashes bytea [],
    p_member_hashes bytea []
)
-- outcome: committed, already_done (this page number is taken: read the job back), lease_lost,
-- erasure_key_missing (people of the group were erased under another key than the worker's)
returns table (
    outcome text,
    job_ended boolean,
    import_ended boolean,
    rows_wanted integer,
    fetched integer,
    quota_used integer
)
language plpgsql volatile
-- A page is some dozens of look-ups by key, and planning them would take as long as making them. A
-- connection that planned on an empty table keeps its plans for long: so nothing here may read a whole
-- table or group, or join a table by anything but its key, which `offset 0` and `limit 1` see to.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
    v_job prospecting_jobs%rowtype;
    v_item record;
    v_by_row boolean;
    v_skips boolean;
    v_suppressed_items integer [] := '{}';
    -- Who each item is: somebody stored, or the new prospect id of the first item that is about them.
    v_match text [];
    v_entangled integer [];
    v_prospect text;
    v_new_ids text [] := '{}';
    v_new_members text [] := '{}';
    v_new_providers text [] := '{}';
    v_new_keys text [] := '{}';
    v_cut boolean;
    v_rows integer;
    v_imported integer;
    v_duplicate_rows integer;
    v_duplicates integer;
    v_invalid integer;
    v_not_found integer;
    v_failed integer;
    v_suppressed integer;
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

    -- An erasure takes the credit account as well: it is in by now, or comes after this page.
    if exists (select from suppressed_identifiers s where s.account_group_id = p_account_group_id) then
        if not exists (select from erasure_key_check k where k.check_value = p_key_check) then
            return query select 'erasure_key_missing', false, false, 0, 0, 0;
            return;
        end if;
        select coalesce(array_agg(distinct h.item), '{}') into v_suppressed_items
        from unnest(p_hash_items, p_hashes, p_member_hashes) as h (item, identifier_hash, member_hash)
        cross join lateral (
            select * from suppressed_identifiers s
            where s.account_group_id = p_account_group_id and s.identifier_hash = h.identifier_hash
            offset 0
        ) as s
        where s.member_hash is null or h.member_hash is null or s.member_hash = h.member_hash;
    end if;

    -- In a url_upload every URL gets its row; elsewhere rows are people, each once.
    v_by_row := v_job.source = 'url_upload';
    v_skips := v_job.skip_duplicates and not v_by_row;
    v_wanted := v_job.max_results - v_job.imported - case when v_skips then 0 else v_job.duplicates end;

    -- Who is who. Items with the same three identifiers are one person. An item that shares some but
    -- not all of them with another one on the page is entangled with it: who it is depends on what
    -- became of those before.
    select
        array_agg(coalesce(r.stored, r.first_id) order by r.place),
        array_agg(r.place order by r.place) filter (where r.is_entangled)
    into v_match, v_entangled
    from (
        select
            i.place,
            i.first_id,
            case when i.is_person then coalesce(
                (
                    select p.prospect_id
                    from prospects p
                    where p.account_group_id = p_account_group_id and p.member_id = i.member_id
                ),
                (
                    select p.prospect_id
                    from prospect_provider_ids x
                    cross join lateral (
                        select * from prospects p
                        where p.account_group_id = p_account_group_id and p.prospect_id = x.prospect_id
                        offset 0
                    ) as p
                    where x.account_group_id = p_account_group_id and x.provider_id = i.provider_id
                        and (p.member_id is null or i.member_id is null)
                    order by p.created_at, p.prospect_id
                    limit 1
                ),
                (
                    select p.prospect_id
                    from prospects p
                    where p.account_group_id = p_account_group_id
                        and p.public_identifier_key = i.public_identifier_key
                        and (p.member_id is null or i.member_id is null)
                    order by p.created_at, p.prospect_id
                    limit 1
                )
            ) end as stored,
            i.member_id is not null
                and min(i.first) over (partition by i.member_id) <> max(i.first) over (partition by i.member_id)
            or i.provider_id is not null
                and min(i.first) over (partition by i.provider_id) <> max(i.first) over (partition by i.provider_id)
            or i.public_identifier_key is not null
                and min(i.first) over (partition by i.public_identifier_key)
                    <> max(i.first) over (partition by i.public_identifier_key)
                as is_entangled
        from (
            select
                n.*,
                min(n.place) over same as first,
                first_value(n.prospect_id) over (same order by n.place) as first_id
            from (
                select
                    e.place,
                    e.is_person,
                    case when e.is_person then e.prospect_id end as prospect_id,
                    case when e.is_person then e.member_id end as member_id,
                    case when e.is_person then e.provider_id end as provider_id,
                    case when e.is_person then e.public_identifier_key end as public_identifier_key
                from (
                    select *, item.kind = 'person' and item.place <> all(v_suppressed_items) as is_person
                    from rows from (
                        jsonb_to_recordset(p_items) as (
                            kind text, prospect_id text, provider_id text, member_id text,
                            public_identifier_key text
                        )
                    ) with ordinality as item (
                        kind, prospect_id, provider_id, member_id, public_identifier_key, place
                    )
                ) as e
            ) as n
            window same as (
                partition by
                    n.member_id, n.provider_id, n.public_identifier_key,
                    case when num_nonnulls(n.member_id, n.provider_id, n.public_identifier_key) = 0 then n.place end
            )
        ) as i
    ) as r;

    -- Rare: LinkedIn gave one person two ids on one page, or two people the same.
    for v_item in
        select item.*
        from rows from (
            jsonb_to_recordset(p_items) as (
                prospect_id text, provider_id text, member_id text, public_identifier_key text
            )
        ) with ordinality as item (prospect_id, provider_id, member_id, public_identifier_key, place)
        where item.place = any(v_entangled)
        order by item.place
    loop
        select m.prospect_id into v_prospect
        from (
            select 1 as rank, p.created_at, p.prospect_id
            from prospects p
            where p.account_group_id = p_account_group_id and p.member_id = v_item.member_id
            union all
            select 2, p.created_at, p.prospect_id
            from prospect_provider_ids x
            cross join lateral (
                select * from prospects p
                where p.account_group_id = p_account_group_id and p.prospect_id = x.prospect_id
                offset 0
            ) as p
            where x.account_group_id = p_account_group_id and x.provider_id = v_item.provider_id
                and (p.member_id is null or v_item.member_id is null)
            union all
            select 3, p.created_at, p.prospect_id
            from prospects p
            where p.account_group_id = p_account_group_id
                and p.public_identifier_key = v_item.public_identifier_key
                and (p.member_id is null or v_item.member_id is null)
            union all
            -- The new ones of this page, with the time that their rows will have.
            select
                case
                    when n.member_id = v_item.member_id then 1
                    when n.provider_id = v_item.provider_id then 2
                    else 3
                end,
                now()::timestamptz(3),
                n.prospect_id
            from unnest(v_new_ids, v_new_members, v_new_providers, v_new_keys) as n (
                prospect_id, member_id, provider_id, public_identifier_key
            )
            where n.member_id = v_item.member_id
                or (n.member_id is null or v_item.member_id is null)
                and (
                    n.provider_id = v_item.provider_id
                    or n.public_identifier_key = v_item.public_identifier_key
                )
        ) as m
        order by m.rank, m.created_at, m.prospect_id
        limit 1;
        v_match[v_item.place] := coalesce(v_prospect, v_item.prospect_id);
        if v_prospect is null then
            v_new_ids := v_new_ids || v_item.prospect_id;
            v_new_members := v_new_members || v_item.member_id;
            v_new_providers := v_new_providers || v_item.provider_id;
            v_new_keys := v_new_keys || v_item.public_identifier_key;
        end if;
    end loop;

    with item as materialized (
        select
            i.*,
            case when i.place = any(v_suppressed_items) then 'suppressed' else i.kind end as fate,
            i.match = i.prospect_id as is_new
        from rows from (
            jsonb_to_recordset(p_items) as (
                kind text, reason text, input_url text, prospect_id text, provider_id text,
                member_id text, public_identifier text, public_identifier_key text, linkedin_url text,
                first_name text, last_name text, name text, headline text, title text,
                company_name text, location text
            ),
            unnest(v_match)
        ) with ordinality as i (
            kind, reason, input_url, prospect_id, provider_id, member_id, public_identifier,
            public_identifier_key, linkedin_url, first_name, last_name, name, headline, title,
            company_name, location, match, place
        )
    ),
    -- Whoever has no row in this job yet would get one, and is why a full job is cut off.
    claims as (
        select
            m.*,
            not v_by_row and m.fate = 'person' and m.has_row is null
                and (m.meeting = 1 or (v_skips and not m.is_of_this_page)) as claims_row
        from (
            select
                i.*,
                row_number() over (meetings order by i.place) as meeting,
                first_value(i.is_new) over (meetings order by i.place) as is_of_this_page,
                case when not v_by_row and not i.is_new then (
                    select true
                    from job_prospects r
                    where r.account_group_id = p_account_group_id and r.job_id = p_job_id
                        and r.prospect_id = i.match
                    limit 1
                ) end as has_row
            from item i
            window meetings as (partition by i.match)
        ) as m
    ),
    takes as (
        select
            c.*,
            v_by_row or c.claims_row and (c.is_new or not v_skips) as takes_row,
            count(*) filter (where c.claims_row and (c.is_new or not v_skips))
                over (order by c.place rows between unbounded preceding and 1 preceding) as taken_before
        from claims c
    ),
    cut as materialized (
        select min(t.place) as place from takes t where t.claims_row and t.taken_before >= v_wanted
    ),
    kept as materialized (
        select t.*, v_job.row_count + count(*) filter (where t.takes_row) over (order by t.place) as row_number
        from takes t
        cross join cut
        where cut.place is null or t.place < cut.place
    ),
    -- What the page says of people beyond the item that brought them: of each column the last word.
    said as materialized (
        select
            k.match,
            (array_agg(k.first_name order by k.place desc) filter (where k.first_name is not null))[1] as first_name,
            (array_agg(k.last_name order by k.place desc) filter (where k.last_name is not null))[1] as last_name,
            (array_agg(k.name order by k.place desc) filter (where k.name is not null))[1] as name,
            (array_agg(k.headline order by k.place desc) filter (where k.headline is not null))[1] as headline,
            (array_agg(k.title order by k.place desc) filter (where k.title is not null))[1] as title,
            (array_agg(k.company_name order by k.place desc) filter (where k.company_name is not null))[1]
                as company_name,
            (array_agg(k.location order by k.place desc) filter (where k.location is not null))[1] as location
        from kept k
        where k.fate = 'person' and not k.is_new and (v_by_row or k.claims_row)
        group by k.match
    ),
    new_people as (
        insert into prospects (
            account_group_id, prospect_id, member_id, public_identifier, public_identifier_key, linkedin_url,
            first_name, last_name, name, headline, title, company_name, location
        )
        select
            p_account_group_id, k.prospect_id, k.member_id, k.public_identifier, k.public_identifier_key,
            k.linkedin_url, coalesce(s.first_name, k.first_name), coalesce(s.last_name, k.last_name),
            coalesce(s.name, k.name), coalesce(s.headline, k.headline), coalesce(s.title, k.title),
            coalesce(s.company_name, k.company_name), coalesce(s.location, k.location)
        from kept k
        left join said s on s.match = k.prospect_id
        where k.is_new
    ),
    new_provider_ids as (
        insert into prospect_provider_ids (account_group_id, provider_id, prospect_id)
        select p_account_group_id, k.provider_id, k.prospect_id
        from kept k
        where k.is_new and k.provider_id is not null
    ),
    -- Nobody else changes people of the group just now (credit account), so that rows stay where they
    -- were found, and the order of these locks is free.
    refreshed as (
        update prospects p
        set first_name = s.first_name, last_name = s.last_name, name = s.name, headline = s.headline,
            title = s.title, company_name = s.company_name, location = s.location,
            updated_at = clock_timestamp()
        from (
            select
                q.at,
                coalesce(s.first_name, q.first_name) as first_name,
                coalesce(s.last_name, q.last_name) as last_name,
                coalesce(s.name, q.name) as name,
                coalesce(s.headline, q.headline) as headline,
                coalesce(s.title, q.title) as title,
                coalesce(s.company_name, q.company_name) as company_name,
                coalesce(s.location, q.location) as location
            from said s
            cross join lateral (
                select q.*, q.ctid as at
                from prospects q
                where q.account_group_id = p_account_group_id and q.prospect_id = s.match
                offset 0
            ) as q
        ) as s
        where p.ctid = s.at
            and (s.first_name, s.last_name, s.name, s.headline, s.title, s.company_name, s.location)
                is distinct from (
                    p.first_name, p.last_name, p.name, p.headline, p.title, p.company_name, p.location
                )
    ),
    new_rows as (
        insert into job_prospects (
            account_group_id, job_id, row_number, outcome, outcome_reason, input_url, prospect_id, provider_id
        )
        select
            p_account_group_id, p_job_id, k.row_number,
            case when k.fate <> 'person' then k.fate when k.is_new then 'imported' else 'duplicate' end,
            case k.fate when 'suppressed' then 'the person was erased and is not imported again' else k.reason end,
            case when k.fate <> 'suppressed' then k.input_url end,
            case when k.fate = 'person' then k.match end,
            case when k.fate <> 'suppressed' then k.provider_id end
        from kept k
        where k.takes_row
    ),
    newly_skipped as (
        insert into job_skipped_prospects (account_group_id, job_id, prospect_id)
        select distinct p_account_group_id, p_job_id, k.match
        from kept k
        where v_skips and k.claims_row and not k.is_new
        on conflict do nothing
        returning prospect_id
    )
    select
        count(*) filter (where k.takes_row),
        count(*) filter (where k.is_new),
        count(*) filter (where k.takes_row and k.fate = 'person' and not k.is_new),
        count(*) filter (where k.fate = 'invalid'),
        count(*) filter (where k.fate = 'not_found'),
        count(*) filter (where k.fate = 'failed'),
        count(*) filter (where k.fate = 'suppressed'),
        (select count(*) from newly_skipped),
        (select cut.place is not null from cut)
    into v_rows, v_imported, v_duplicate_rows, v_invalid, v_not_found, v_failed, v_suppressed, v_duplicates, v_cut
    from kept k;

    v_rows := v_job.row_count + v_rows;
    v_wanted := v_wanted - v_imported - v_duplicate_rows;
    v_duplicates := v_duplicates + v_duplicate_rows;

    v_stop := case
        when v_cut then 'max_results'
        when p_upstream_ended is not null then p_upstream_ended
        when v_wanted = 0 and not v_by_row then 'max_results'
        when v_job.fetched + v_sent >= p_fetched_max then 'source_cap'
        when v_imported + v_duplicates = 0 and not v_by_row
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

    -- The row of an upload has the number of its URL in the list.
    if v_by_row and cardinality(v_suppressed_items) > 0 then
        update prospecting_jobs j
        set request = forget_uploaded_urls_v1(
            request, (select array_agg(v_job.row_count + s.item) from unnest(v_suppressed_items) as s (item))
        )
        where j.account_group_id = p_account_group_id and j.job_id = p_job_id;
    end if;

    update prospecting_jobs j
    set page = p_page,
        cursor = p_cursor,
        barren_pages = case when v_imported + v_duplicates = 0 then barren_pages + 1 else 0 end,
        barren_items = case when v_imported + v_duplicates = 0 then barren_items + v_barren_items else 0 end,
        row_count = v_rows,
        available = coalesce(p_available, available),
        fetched = fetched + v_sent,
        imported = imported + v_imported,
        duplicates = duplicates + v_duplicates,
        invalid = invalid + v_invalid,
        not_found = not_found + v_not_found,
        failed = failed + v_failed,
        suppressed = suppressed + v_suppressed,
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
