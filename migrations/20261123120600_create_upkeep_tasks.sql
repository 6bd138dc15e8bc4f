-- Work that one process does for all of them, once in a while: who began it when, and what came of it.
-- New table only: takes no lock that anybody waits for.

create table upkeep_tasks (
    task text not null,
    begun_at timestamptz not null,
    finished_at timestamptz,
    -- What the last finished run found, in the task's own terms.
    result bigint,
    constraint upkeep_tasks_pkey primary key (task),
    constraint upkeep_tasks_task_known check (task in ('verify_ledger')),
    constraint upkeep_tasks_finished_has_result check ((finished_at is null) = (result is null))
);
