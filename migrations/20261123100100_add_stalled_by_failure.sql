-- Whether a call of the job itself has failed since its last progress. A job may also wait because the
-- breaker lets nobody in: such waits say nothing about what the job asks for.
-- A column with a constant default: the table is locked for a moment and not rewritten. `wait_job_v1`,
-- which older processes call, leaves it as it is; the value counts only while `stalled_waits > 0`.

alter table prospecting_jobs
add column stalled_by_failure boolean not null default false;
