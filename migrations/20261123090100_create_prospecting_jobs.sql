-- Jobs: what was asked, where they stand, and the rows they brought.
-- New tables only: takes no lock that anybody waits for.

create table prospecting_jobs (
    account_group_id text collate "C" not null,
    job_id text collate "C" not null,

    -- What was asked. `request` and the two idempotency columns are cleared when the job is pruned.
    source text not null,
    request jsonb,
    max_results integer not null,
    search_emails boolean not null,
    skip_duplicates boolean not null,
    metadata jsonb not null,
    idempotency_key text collate "C",
    fingerprint bytea,

    -- Where the job stands. `due_at` is when a queued job may run; with a waiting reason, when it
    -- resumes. Not rounded to milliseconds: rounded up, a job would not be due when it is looked for.
    status text not null default 'queued',
    due_at timestamptz not null default now(),
    waiting_reason text,
    lease_token uuid,
    lease_expires_at timestamptz,
    -- Runs begun. A run that ended in good order (waiting, shutdown) is carried on by the next one,
    -- which then counts as the same attempt.
    attempt integer not null default 0,
    attempt_carries boolean not null default false,
    -- Runs begun since the last committed page or batch, and waits for an upstream since then.
    stalled_attempts integer not null default 0,
    stalled_waits integer not null default 0,
    progressed_at timestamptz not null default now(),

    -- The import: pages committed so far, where the next begins, and what became of the items.
    import_status text not null default 'open',
    stop_reason text,
    page integer not null default 0,
    cursor jsonb,
    -- Pages in a row without a new person, and the items on them.
    barren_pages integer not null default 0,
    barren_items integer not null default 0,
    import_progress double precision not null default 0,
    row_count integer not null default 0,
    available integer,
    fetched integer not null default 0,
    imported integer not null default 0,
    duplicates integer not null default 0,
    invalid integer not null default 0,
    not_found integer not null default 0,
    failed integer not null default 0,
    suppressed integer not null default 0,

    -- The e-mail look-up: batches committed, up to which row, with how many answers.
    enrichment_status text not null,
    enrichment_batch integer not null default 0,
    enriched_through integer not null default 0,
    answered integer not null default 0,
    emails_found integer not null default 0,
    enrichment_error_code text,
    enrichment_error_message text,

    error_code text,
    error_message text,

    credits_reserved bigint not null,
    credits_charged bigint not null default 0,
    credits_released bigint not null default 0,

    version bigint not null default 1,
    created_at timestamptz(3) not null default now(),
    updated_at timestamptz(3) not null default now(),
    started_at timestamptz(3),
    ended_at timestamptz(3),
    pruned_at timestamptz(3),

    constraint prospecting_jobs_account_group_fkey foreign key (account_group_id) references account_groups,
    constraint prospecting_jobs_id_is_hex check (job_id ~ '^[0-9a-f]{24}$'),
    constraint prospecting_jobs_source_known check (
        source in ('linkedin_search', 'sales_navigator', 'post_commenters', 'url_upload')
    ),
    constraint prospecting_jobs_request_until_pruned check (
        (request is null) = (pruned_at is not null)
        and (pruned_at is null or (idempotency_key is null and ended_at is not null))
    ),
    constraint prospecting_jobs_key_has_fingerprint check ((idempotency_key is null) = (fingerprint is null)),
    constraint prospecting_jobs_status_known check (
        status in ('queued', 'running', 'completed', 'failed', 'cancelled')
    ),
    constraint prospecting_jobs_running_has_lease check (
        (status = 'running') = (lease_token is not null) and (status = 'running') = (lease_expires_at is not null)
    ),
    constraint prospecting_jobs_ended_has_end check (
        (status in ('completed', 'failed', 'cancelled')) = (ended_at is not null)
    ),
    constraint prospecting_jobs_only_queued_waits check (
        waiting_reason is null
        or (status = 'queued' and waiting_reason in ('quota', 'upstream', 'paused'))
    ),
    constraint prospecting_jobs_failed_has_error check ((status = 'failed') = (error_code is not null)),
    constraint prospecting_jobs_import_status_known check (
        import_status in ('open', 'completed', 'failed', 'cancelled')
        and (import_status = 'open') = (stop_reason is null)
        and (ended_at is null or import_status <> 'open')
    ),
    constraint prospecting_jobs_enrichment_status_known check (
        enrichment_status in ('open', 'completed', 'failed', 'cancelled', 'skipped')
        and (ended_at is null or enrichment_status <> 'open')
    ),
    constraint prospecting_jobs_stop_reason_known check (
        stop_reason in ('source_exhausted', 'max_results', 'source_cap', 'cancelled', 'error')
    ),
    constraint prospecting_jobs_max_results_is_ceiling check (
        max_results >= 1
        and imported + case when skip_duplicates then 0 else duplicates end <= max_results
    ),
    constraint prospecting_jobs_counts_not_negative check (
        least(
            attempt, stalled_attempts, stalled_waits, page, barren_pages, barren_items, row_count, fetched, imported,
            duplicates, invalid, not_found, failed, suppressed, enrichment_batch, enriched_through,
            answered, emails_found, coalesce(available, 0)
        ) >= 0
        and answered <= imported
        and emails_found <= answered
    ),
    constraint prospecting_jobs_credits_add_up check (
        case
            when ended_at is null then credits_released = 0 and credits_charged <= credits_reserved
            else credits_reserved = credits_charged + credits_released
        end
        and least(credits_reserved, credits_charged, credits_released) >= 0
        and credits_charged = imported + answered
    )
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);

create unique index prospecting_jobs_idempotency_key on prospecting_jobs (account_group_id, idempotency_key)
where idempotency_key is not null;

-- What a claim reads: the oldest due job of one lane.
create index prospecting_jobs_queue on prospecting_jobs (account_group_id, due_at, job_id)
where status = 'queued';

-- What the reaper reads. Holds no column that a heartbeat changes.
create index prospecting_jobs_running on prospecting_jobs (account_group_id, job_id)
where status = 'running';

create index prospecting_jobs_newest on prospecting_jobs (account_group_id, created_at desc, job_id desc);

-- After the other indexes: of those that look equally cheap, as all do while a table is nearly empty,
-- the planner takes the youngest. A connection that planned a look-up by key then keeps its plan until
-- the next statistics, and with the index above it would read all jobs of the group each time.
alter table prospecting_jobs add constraint prospecting_jobs_pkey primary key (account_group_id, job_id);

create table prospects (
    account_group_id text collate "C" not null,
    prospect_id text collate "C" not null,
    member_id text collate "C",
    public_identifier text,
    -- Folded by the program (percent-decoded, NFC, lower case): what identity is compared by.
    public_identifier_key text collate "C",
    linkedin_url text,
    first_name text,
    last_name text,
    name text,
    headline text,
    title text,
    company_name text,
    location text,
    email text,
    email_status text,
    created_at timestamptz(3) not null default now(),
    updated_at timestamptz(3) not null default now(),
    constraint prospects_pkey primary key (account_group_id, prospect_id),
    constraint prospects_account_group_fkey foreign key (account_group_id) references account_groups,
    constraint prospects_id_is_hex check (prospect_id ~ '^[0-9a-f]{24}$'),
    constraint prospects_email_status_known check (email_status in ('valid', 'unverified', 'not_found')),
    constraint prospects_email_has_status check ((email is not null) = (coalesce(email_status, '') in ('valid', 'unverified')))
);

create unique index prospects_by_member_id on prospects (account_group_id, member_id)
where member_id is not null;

-- Not unique: LinkedIn gives an identifier away again, and two known member ids are two people.
create index prospects_by_public_identifier on prospects (account_group_id, public_identifier_key)
where public_identifier_key is not null;

-- Not unique by provider id for the same reason: that is what an ambiguous look-up tells.
create table prospect_provider_ids (
    account_group_id text collate "C" not null,
    provider_id text collate "C" not null,
    prospect_id text collate "C" not null,
    constraint prospect_provider_ids_pkey primary key (account_group_id, provider_id, prospect_id),
    constraint prospect_provider_ids_prospect_fkey foreign key (account_group_id, prospect_id) references prospects
);

create table job_prospects (
    account_group_id text collate "C" not null,
    job_id text collate "C" not null,
    row_number integer not null,
    outcome text not null,
    outcome_reason text,
    input_url text,
    prospect_id text collate "C",
    provider_id text collate "C",
    created_at timestamptz(3) not null default now(),
    constraint job_prospects_pkey primary key (account_group_id, job_id, row_number),
    constraint job_prospects_job_fkey foreign key (account_group_id, job_id) references prospecting_jobs,
    constraint job_prospects_prospect_fkey foreign key (account_group_id, prospect_id) references prospects,
    constraint job_prospects_row_number_positive check (row_number >= 1),
    constraint job_prospects_outcome_known check (
        outcome in ('imported', 'duplicate', 'not_found', 'invalid', 'failed', 'suppressed')
    ),
    constraint job_prospects_person_when_known check (
        (prospect_id is not null) = (outcome in ('imported', 'duplicate'))
    )
);

create index job_prospects_by_prospect on job_prospects (account_group_id, job_id, prospect_id)
where prospect_id is not null;

-- People whom a job with `duplicates: "skip"` passed over, so that meeting one again counts once.
create table job_skipped_prospects (
    account_group_id text collate "C" not null,
    job_id text collate "C" not null,
    prospect_id text collate "C" not null,
    constraint job_skipped_prospects_pkey primary key (account_group_id, job_id, prospect_id),
    constraint job_skipped_prospects_job_fkey foreign key (account_group_id, job_id) references prospecting_jobs,
    constraint job_skipped_prospects_prospect_fkey foreign key (account_group_id, prospect_id) references prospects
);

-- Rows fetched from LinkedIn per group, kind of list and UTC day.
create table quota_usage (
    account_group_id text collate "C" not null,
    list_type text not null,
    day date not null,
    used integer not null,
    constraint quota_usage_pkey primary key (account_group_id, list_type, day),
    constraint quota_usage_account_group_fkey foreign key (account_group_id) references account_groups,
    constraint quota_usage_list_type_known check (
        list_type in ('LINKEDIN_CLASSIC', 'SALES_NAVIGATOR', 'POST_COMMENTERS', 'URL_UPLOAD')
    ),
    constraint quota_usage_used_not_negative check (used >= 0)
) with (fillfactor = 50);
