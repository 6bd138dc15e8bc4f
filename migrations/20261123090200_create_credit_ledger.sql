-- The ledger: every credit that came or went, why, and what it left.
-- New table only: takes no lock that anybody waits for.

create table credit_entries (
    account_group_id text collate "C" not null,
    entry_id bigint generated always as identity,
    kind text not null,
    amount bigint not null,
    balance_after bigint not null,
    job_id text collate "C",
    page integer,
    reason text,
    -- The operator's own name for a grant or an adjustment: makes a repeat harmless.
    reference text collate "C",
    created_at timestamptz(3) not null default clock_timestamp(),
    constraint credit_entries_pkey primary key (account_group_id, entry_id),
    constraint credit_entries_account_group_fkey foreign key (account_group_id) references account_groups,
    constraint credit_entries_job_fkey foreign key (account_group_id, job_id) references prospecting_jobs,
    constraint credit_entries_kind_known check (kind in ('grant', 'import', 'email', 'adjust')),
    constraint credit_entries_sign_fits_kind check (
        case kind when 'grant' then amount > 0 when 'adjust' then amount <> 0 else amount < 0 end
    ),
    constraint credit_entries_charge_has_cause check (
        (kind in ('import', 'email')) = (job_id is not null) and (job_id is null) = (page is null)
    ),
    constraint credit_entries_balance_not_negative check (balance_after >= 0)
);

-- Nothing is charged twice, whatever the program believes.
create unique index credit_entries_by_cause on credit_entries (account_group_id, job_id, kind, page)
where job_id is not null;

create unique index credit_entries_by_reference on credit_entries (account_group_id, reference)
where reference is not null;

create function refuse_ledger_change() returns trigger language plpgsql as $$
begin
    raise exception 'ledger entries are never changed or removed: write an adjustment instead'
        using errcode = 'restrict_violation';
end
$$;

create trigger credit_entries_keep_rows
before update or delete on credit_entries
for each row execute function refuse_ledger_change();

create trigger credit_entries_keep_table
before truncate on credit_entries
for each statement execute function refuse_ledger_change();
