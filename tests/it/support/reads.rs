//! What a reading costs, in rows that the database fetches for it.

use sqlx::{Connection, PgConnection};

/// Rows of a table that some work on a connection fetches, and what the work returned.
pub(crate) async fn rows_read<T>(
    connection: &mut PgConnection,
    table: &str,
    work: impl AsyncFnOnce(&mut PgConnection) -> T,
) -> (usize, T) {
    let mut tx = connection.begin().await.unwrap();
    let before = fetched(&mut tx, table).await;
    let done = work(&mut tx).await;
    let after = fetched(&mut tx, table).await;
    tx.rollback().await.unwrap();
    (usize::try_from(after - before).unwrap(), done)
}

/// Counted by the session itself, so that nothing of others is in it and nothing comes late.
async fn fetched(connection: &mut PgConnection, table: &str) -> i64 {
    sqlx::query_scalar!(
        r#"
        select (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint as "read!"
        from pg_stat_xact_user_tables where relname = $1
        "#,
        table,
    )
    .fetch_one(connection)
    .await
    .unwrap()
}
