//! What must be true of the database when all jobs have ended.

use crate::chaos::orders::{GROUPS_OF_ONE_KIND, Order};
use crate::support::world::{Group, World};

/// What a group has and has paid, whatever the order in which its jobs were carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Books {
    balance: i64,
    reserved: i64,
    imports: i64,
    emails: i64,
    running: i32,
    fetched: i64,
    people: i64,
    /// A digest of everybody's identifiers and address.
    who: String,
}

/// The books of the groups in which they can be told in advance.
pub(super) async fn books(world: &World, groups: &[Group]) -> Vec<Books> {
    let mut connection = world.connect().await;
    let mut books = Vec::new();
    for group in &groups[..GROUPS_OF_ONE_KIND] {
        let of_group = sqlx::query_as!(
            Books,
            r#"
            select c.balance, c.reserved, l.running,
                (
                    select coalesce(-sum(e.amount), 0)::bigint from credit_entries e
                    where e.account_group_id = $1 and e.kind = 'import'
                ) as "imports!",
                (
                    select coalesce(-sum(e.amount), 0)::bigint from credit_entries e
                    where e.account_group_id = $1 and e.kind = 'email'
                ) as "emails!",
                (
                    select coalesce(sum(q.used), 0) from quota_usage q where q.account_group_id = $1
                ) as "fetched!",
                (select count(*) from prospects p where p.account_group_id = $1) as "people!",
                (
                    select md5(coalesce(string_agg(
                        concat_ws(' ', p.member_id, p.public_identifier, p.name, p.email_status, p.email), ','
                        order by p.member_id, p.public_identifier, p.name, p.email
                    ), ''))
                    from prospects p where p.account_group_id = $1
                ) as "who!"
            from credit_accounts c
            join lanes l on l.account_group_id = c.account_group_id
            where c.account_group_id = $1
            "#,
            group.id.as_str(),
        );
        books.push(of_group.fetch_one(&mut connection).await.unwrap());
    }
    books
}

/// Every order became one job, which brought exactly whom the upstream has, each once, and charged
/// for each once.
pub(super) async fn assert_jobs_are_exact(world: &World, groups: &[Group], orders: &[Order]) {
    let mut connection = world.connect().await;
    let jobs = sqlx::query_scalar!(r#"select count(*) as "count!" from prospecting_jobs"#);
    let jobs = jobs.fetch_one(&mut connection).await.unwrap();
    assert_eq!(usize::try_from(jobs), Ok(orders.len()), "each order once");
    for order in orders {
        assert_job_is_exact(&mut connection, &groups[order.group], order).await;
    }
    let twice = sqlx::query_scalar!(
        r#"
        select count(*) as "count!" from (
            select 1 from prospects p
            left join job_prospects r on r.account_group_id = p.account_group_id
                and r.prospect_id = p.prospect_id and r.outcome = 'imported'
            group by p.account_group_id, p.prospect_id
            having count(r.row_number) <> 1
        ) as wrong
        "#
    );
    let twice = twice.fetch_one(&mut connection).await.unwrap();
    assert_eq!(twice, 0, "everybody was imported by exactly one row");
}

async fn assert_job_is_exact(connection: &mut sqlx::PgConnection, group: &Group, order: &Order) {
    let id = order.job.as_ref().unwrap();
    let job = sqlx::query!(
        r#"
        select j.status, j.error_code, j.fetched, j.imported, j.duplicates, j.invalid, j.not_found, j.failed,
            j.row_count, j.answered, j.search_emails, j.credits_charged, j.credits_released,
            j.credits_reserved, j.metadata ->> 'number' as number,
            (
                select coalesce(-sum(e.amount), 0)::bigint from credit_entries e
                where e.account_group_id = $1 and e.job_id = $2
            ) as "paid!"
        from prospecting_jobs j
        where j.account_group_id = $1 and j.job_id = $2
        "#,
        group.id.as_str(),
        id.as_str(),
    );
    let job = job.fetch_one(&mut *connection).await.unwrap();
    let rows = sqlx::query!(
        r#"
        select row_number, outcome, provider_id from job_prospects
        where account_group_id = $1 and job_id = $2
        order by row_number
        "#,
        group.id.as_str(),
        id.as_str(),
    );
    let rows = rows.fetch_all(&mut *connection).await.unwrap();

    let about = format!("{} {job:#?}", order.idempotency_key);
    assert_eq!(
        (job.status.as_str(), job.number.as_deref()),
        ("completed", order.body["metadata"]["number"].as_str()),
        "{about}"
    );
    let expected = &order.expected;
    let people: Vec<&str> = rows
        .iter()
        .filter(|row| matches!(row.outcome.as_str(), "imported" | "duplicate"))
        .filter_map(|row| row.provider_id.as_deref())
        .collect();
    assert_eq!(people, expected.people, "{about}");
    assert!(
        rows.iter().map(|row| row.row_number).eq(1..=job.row_count),
        "{about}"
    );
    let count = |stored: i32| usize::try_from(stored).unwrap();
    assert_eq!(
        count(job.imported + job.duplicates),
        people.len(),
        "{about}"
    );
    assert_eq!(count(job.not_found), expected.not_found, "{about}");
    assert_eq!(count(job.failed), 0, "{about}");
    // What a job fetches that ends at its ceiling depends on its pages.
    if expected.fetched > 0 {
        assert_eq!(count(job.fetched), expected.fetched, "{about}");
        assert_eq!(count(job.invalid), expected.invalid, "{about}");
    }
    let price = if job.search_emails { 2 } else { 1 };
    assert_eq!(
        job.credits_charged,
        i64::from(job.imported) * price,
        "{about}"
    );
    assert_eq!(job.paid, job.credits_charged, "{about}");
    assert_eq!(
        job.credits_charged + job.credits_released,
        job.credits_reserved,
        "{about}"
    );
}
