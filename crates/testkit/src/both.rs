//! One suite for both databases.

/// Runs tests on both databases: for each `async fn name(database: TestDatabase)` in scope, a test in `mod sqlite` and
/// one in `mod postgres`, each with a database of its own.
///
/// ```text
/// on_both!(e3_closing_twice_moves_once);
///
/// async fn e3_closing_twice_moves_once(database: TestDatabase) {}
/// ```
#[macro_export]
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name($crate::TestDatabase::sqlite().await).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name($crate::TestDatabase::postgres().await).await;
                }
            )+
        }
    };
}
