//! The address of a page: `http://host:port/path`, read without asking anybody.

use std::fmt;
use std::str::FromStr;

/// A page's address. Query and path are kept as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// `https` rather than `http`.
    pub secure: bool,
    /// A name or a number; an IPv6 address without its brackets.
    pub host: String,
    /// The one given, or the scheme's own.
    pub port: u16,
    /// From the first `/` on.
    pub path: String,
}

/// A text that is no page's address. Says which, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadUrl {
    text: String,
    trouble: &'static str,
}

impl FromStr for Url {
    type Err = BadUrl;

    /// ```
    /// use evlet_examples::url::Url;
    ///
    /// let url: Url = "https://example.org/a?b".parse()?;
    /// assert_eq!((url.secure, url.port, url.path.as_str()), (true, 443, "/a?b"));
    /// let url: Url = "http://[::1]:8080".parse()?;
    /// assert_eq!((url.host.as_str(), url.port, url.path.as_str()), ("::1", 8080, "/"));
    /// assert_eq!(url.to_string(), "http://[::1]:8080/");
    /// for bad in ["", "example.org", "ftp://x/", "http://", "http://x:port/", "http://a b/", "http://x/\r\n"] {
    ///     assert!(bad.parse::<Url>().is_err(), "{bad}");
    /// }
    /// # Ok::<(), evlet_examples::url::BadUrl>(())
    /// ```
    fn from_str(text: &str) -> Result<Url, BadUrl> {
        let bad = |trouble| BadUrl {
            text: text.chars().take(200).collect(),
            trouble,
        };
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(bad("a blank or a control character stands in it"));
        }
        let (secure, rest) = match text.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            _ => return Err(bad("it must begin with http:// or https://")),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = path.split('#').next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                let port = port
                    .parse()
                    .map_err(|_| bad("the port is no number from 0 to 65535"))?;
                (host, port)
            }
            _ => (authority, if secure { 443 } else { 80 }),
        };
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        if bare.is_empty() || host.contains('@') {
            return Err(bad("it names no host"));
        }
        Ok(Url {
            secure,
            host: bare.to_owned(),
            port,
            path: if path.starts_with('/') {
                path.to_owned()
            } else {
                format!("/{path}")
            },
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual_port) = if self.secure {
            ("https", 443)
        } else {
            ("http", 80)
        };
        let host = &self.host;
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]")?;
        } else {
            write!(f, "{scheme}://{host}")?;
        }
        if self.port != usual_port {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no URL: {}", self.text, self.trouble)
    }
}

impl std::error::Error for BadUrl {}
