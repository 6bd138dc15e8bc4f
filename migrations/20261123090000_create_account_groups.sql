-- Tenants: account groups, their credits, their lane in the job queue, and the keys that open them.
-- New tables only: takes no lock that anybody waits for.

create table account_groups (
    account_group_id text collate "C" not null,
    name text not null,
    plan text not null,
    linkedin_account_id text collate "C",
    paused boolean not null default false,
    created_at timestamptz(3) not null default now(),
    constraint account_groups_pkey primary key (account_group_id),
    constraint account_groups_id_is_hex check (account_group_id ~ '^[0-9a-f]{24}$'),
    constraint account_groups_name_length check (length(name) between 1 and 200),
    constraint account_groups_plan_known check (plan in ('tester', 'starter', 'scale', 'enterprise'))
);

-- The row that every change of a group's credits takes first. Narrow, with room for new versions on
-- its page, and referenced by no table, so that locking it delays nothing but other credit changes.
create table credit_accounts (
    account_group_id text collate "C" not null,
    balance bigint not null default 0,
    reserved bigint not null default 0,
    constraint credit_accounts_pkey primary key (account_group_id),
    constraint credit_accounts_account_group_fkey foreign key (account_group_id) references account_groups,
    constraint credit_accounts_reserved_within_balance check (0 <= reserved and reserved <= balance)
) with (fillfactor = 50);

-- A group's place in the queue. Workers serve lanes in turn, so that a group with ten thousand jobs
-- delays nobody. A parked lane has no job that is due before `next_turn_at`.
create table lanes (
    account_group_id text collate "C" not null,
    next_turn_at timestamptz not null default 'infinity',
    running integer not null default 0,
    parked boolean not null default true,
    constraint lanes_pkey primary key (account_group_id),
    constraint lanes_account_group_fkey foreign key (account_group_id) references account_groups,
    constraint lanes_running_not_negative check (running >= 0)
) with (fillfactor = 30, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200);

create index lanes_by_turn on lanes (next_turn_at);

create table api_keys (
    api_key_id uuid not null,
    name text not null,
    kind text not null,
    secret_sha256 bytea not null,
    permissions text [] not null,
    created_at timestamptz(3) not null default now(),
    expires_at timestamptz(3),
    revoked_at timestamptz(3),
    last_used_at timestamptz(3),
    constraint api_keys_pkey primary key (api_key_id),
    constraint api_keys_secret_key unique (secret_sha256),
    constraint api_keys_name_length check (length(name) between 1 and 200),
    constraint api_keys_kind_known check (kind in ('live', 'test')),
    constraint api_keys_secret_length check (octet_length(secret_sha256) = 32),
    constraint api_keys_permissions_known check (
        cardinality(permissions) > 0
        and permissions <@ array['prospecting:read', 'prospecting:write', 'prospects:read']
    )
) with (fillfactor = 70);

create table api_key_account_groups (
    account_group_id text collate "C" not null,
    api_key_id uuid not null,
    constraint api_key_account_groups_pkey primary key (account_group_id, api_key_id),
    constraint api_key_account_groups_account_group_fkey foreign key (account_group_id) references account_groups,
    constraint api_key_account_groups_api_key_fkey foreign key (api_key_id) references api_keys
);

create index api_key_account_groups_by_key on api_key_account_groups (api_key_id);
