//! `BlockerService`.

mod change;
mod close;
mod raise;
mod read;
mod relocate;
mod state;

use super::cases::Cases;

pub(super) use state::states;

pub(super) async fn all(cases: &mut Cases<'_>) {
    raise::raise(cases).await;
    read::list(cases).await;
    read::read(cases).await;
    change::update(cases).await;
    change::pause(cases).await;
    close::close(cases).await;
    close::merge(cases).await;
    relocate::escalate(cases).await;
    relocate::send_back(cases).await;
}
