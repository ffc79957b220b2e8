//! Servers that were loaded at different times, and the damage in between.

mod postgres {
    use echelon_testkit::{TestDatabase, TestServer};

    use crate::{
        audit::{assert_fits, damage, figures, ids, live_a_little},
        support::assert_sound,
    };

    #[tokio::test]
    async fn e9_servers_agree_at_last_whoever_loaded_the_damage() {
        let database = TestDatabase::postgres().await;
        let first = TestServer::start(&database).await;
        let org = live_a_little(&first).await;
        let before = figures(&org).await;
        damage(&first, &database).await;
        let late = TestServer::start_with(&database, first.clock().clone(), |_| {}).await;
        assert_ne!(figures(&org.through(&late)).await, before);
        // It knows the damage to what only the log can tell no better, and must not teach it to who does.
        assert_eq!(late.audit("acme").await.repaired, 5);
        org.touch().await;
        assert_eq!(figures(&org).await, before);
        assert_eq!(
            ids(&first.audit("acme").await.drifted),
            ["rail-a", "team-8"]
        );
        for server in [&first, &late] {
            let org = org.through(server);
            org.touch().await;
            assert_eq!(figures(&org).await, before);
            assert_eq!(server.audit("acme").await.drifted, []);
        }
        assert_sound(&late).await;
        assert_fits(&org).await;
    }
}
