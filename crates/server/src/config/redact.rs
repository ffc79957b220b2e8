//! Secrets are blotted out wherever a configuration is shown.

/// What stands for a secret.
pub(super) const BLOT: &str = "***";

/// A database URL without its password.
#[must_use]
pub fn redacted_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        // Not a URL, so nothing tells which part is a secret.
        return BLOT.to_owned();
    };
    // The last `@`: an unescaped one in a password must not let the rest of it through.
    let (user, host) = match rest.rsplit_once('@') {
        Some((credentials, host)) => match credentials.split_once(':') {
            Some((user, _)) => (format!("{user}:{BLOT}@"), host),
            None => (format!("{credentials}@"), host),
        },
        None => (String::new(), rest),
    };
    let (address, query) = host.split_once('?').unwrap_or((host, ""));
    let query: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if name.contains("password") => format!("{name}={BLOT}"),
            _ => pair.to_owned(),
        })
        .collect();
    let query = query.join("&");
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{scheme}://{user}{address}{mark}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_is_shown_without_its_password() {
        for (url, shown) in [
            ("sqlite://echelon.db", "sqlite://echelon.db"),
            (
                "postgres://e:s3cret@db:5432/e?sslmode=require",
                "postgres://e:***@db:5432/e?sslmode=require",
            ),
            ("postgres://e:a@b@db/e", "postgres://e:***@db/e"),
            ("postgres://e@db/e", "postgres://e@db/e"),
            (
                "postgres://db/e?user=e&password=s3cret",
                "postgres://db/e?user=e&password=***",
            ),
            ("s3cret", "***"),
        ] {
            assert_eq!(redacted_url(url), shown);
        }
    }
}
