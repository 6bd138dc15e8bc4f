-- no-transaction
-- Jobs that pruning has not come to yet, by their end: what a pass costs does not depend on how many
-- jobs were pruned before, or will never be. Holds no column that a page or a heartbeat changes.
-- Built without holding up writes.
create index concurrently prospecting_jobs_prunable on prospecting_jobs (ended_at)
where ended_at is not null and pruned_at is null;
