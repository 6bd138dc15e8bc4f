-- Erasing a person for good: what is left of them in a group is a row without anything about them,
-- and keyed hashes that keep later jobs from bringing them back.
--
-- The column and the check hold up reads and writes of `prospects` for a moment: no row is rewritten
-- or looked at. The check is validated by a migration of its own.

alter table prospects
add column erased_at timestamptz(3),
add constraint prospects_erased_is_empty check (
    erased_at is null
    or num_nonnulls(
        member_id, public_identifier, public_identifier_key, linkedin_url, first_name, last_name, name,
        headline, title, company_name, location, email, email_status
    ) = 0
) not valid;

-- HMAC-SHA-256 of each identifier under which an erased person was known. With the hash of their
-- member id, where that was known, since two known and different member ids are never one person.
create table suppressed_identifiers (
    account_group_id text collate "C" not null,
    identifier_hash bytea not null,
    member_hash bytea,
    created_at timestamptz(3) not null default now(),
    constraint suppressed_identifiers_key unique nulls not distinct (
        account_group_id, identifier_hash, member_hash
    ),
    constraint suppressed_identifiers_account_group_fkey foreign key (account_group_id) references account_groups,
    constraint suppressed_identifiers_are_hashes check (
        octet_length(identifier_hash) = 32 and octet_length(coalesce(member_hash, identifier_hash)) = 32
    )
);

-- Tells the erasure key that all hashes are made with from any other, without telling it.
create table erasure_key_check (
    is_the_only_row boolean not null default true,
    check_value bytea not null,
    created_at timestamptz(3) not null default now(),
    constraint erasure_key_check_pkey primary key (is_the_only_row),
    constraint erasure_key_check_one_row check (is_the_only_row),
    constraint erasure_key_check_is_hash check (octet_length(check_value) = 32)
);
