-- Indexes for the lists of the API, so that each page costs what is on it, whichever page it is.
-- Building them holds up starts and pages of jobs; no version that stores either was released before.

-- Pruned jobs are not listed. Without the condition a group whose jobs are all pruned would read
-- past every one of them to find nothing.
drop index prospecting_jobs_newest;

create index prospecting_jobs_newest on prospecting_jobs (account_group_id, created_at desc, job_id desc)
where pruned_at is null;

-- For a status that few of many jobs have.
create index prospecting_jobs_newest_by_status on prospecting_jobs (
    account_group_id, status, created_at desc, job_id desc
)
where pruned_at is null;

-- What one job was charged, newest first, in a group with a long ledger.
create index credit_entries_by_job on credit_entries (account_group_id, job_id, entry_id)
where job_id is not null;
