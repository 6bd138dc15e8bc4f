//! Looking at what is stored, and changing what no route changes.

use prospector::domain::id::JobId;

use crate::support::app::TestApp;

/// What starts leave behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) jobs: i64,
    /// Credits held by all account groups together.
    pub(crate) reserved: i64,
}

impl TestApp {
    pub(crate) async fn stored(&self) -> Stored {
        let mut connection = self.connect().await;
        let row = sqlx::query!(
            r#"
            select (select count(*) from prospecting_jobs) as "jobs!",
                (select coalesce(sum(reserved), 0)::bigint from credit_accounts) as "reserved!"
            "#
        );
        let row = row.fetch_one(&mut connection).await.unwrap();
        Stored {
            jobs: row.jobs,
            reserved: row.reserved,
        }
    }

    #[track_caller]
    pub(crate) fn assert_nothing_stored(&self) -> impl Future<Output = ()> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            let nothing = Stored {
                jobs: 0,
                reserved: 0,
            };
            assert_eq!(self.stored().await, nothing, "as seen at {caller}");
        }
    }

    /// An operator pauses the account group.
    pub(crate) async fn pause(&self) {
        let mut connection = self.connect().await;
        sqlx::query!(
            "update account_groups set paused = true where account_group_id = $1",
            self.group.as_str()
        )
        .execute(&mut connection)
        .await
        .unwrap();
    }

    /// Sets what the account group's plan and LinkedIn account are.
    pub(crate) async fn set_plan_and_account(&self, plan: &str, account: Option<&str>) {
        let mut connection = self.connect().await;
        sqlx::query!(
            "update account_groups set plan = $2, linkedin_account_id = $3 where account_group_id = $1",
            self.group.as_str(),
            plan,
            account
        )
        .execute(&mut connection)
        .await
        .unwrap();
    }

    /// Today's quota of this kind of list is used up.
    pub(crate) async fn use_up_quota(&self, list_type: &str) {
        let mut connection = self.connect().await;
        // Of tomorrow too: the test may run at midnight.
        sqlx::query!(
            r#"
            insert into quota_usage (account_group_id, list_type, day, used)
            select $1, $2, (now() at time zone 'utc')::date + ahead, 1000000 from generate_series(0, 1) as ahead
            "#,
            self.group.as_str(),
            list_type
        )
        .execute(&mut connection)
        .await
        .unwrap();
    }

    /// Everything is spent but for what is held. The books no longer balance.
    pub(crate) async fn use_up_credits(&self) {
        let mut connection = self.connect().await;
        sqlx::query!(
            "update credit_accounts set balance = reserved where account_group_id = $1",
            self.group.as_str()
        )
        .execute(&mut connection)
        .await
        .unwrap();
    }

    /// The job waits for the upstream and resumes in so many seconds.
    pub(crate) async fn let_job_wait(&self, job: &JobId, seconds: f64) {
        let mut connection = self.connect().await;
        sqlx::query!(
            r#"
            update prospecting_jobs
            set waiting_reason = 'upstream', due_at = clock_timestamp() + make_interval(secs => $2)
            where job_id = $1
            "#,
            job.as_str(),
            seconds
        )
        .execute(&mut connection)
        .await
        .unwrap();
    }
}
