//! Every replacement that the list of blocking calls names exists, under that name.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// Names each of them to the compiler, and to the test.
macro_rules! replacements {
    ($($path:path),* $(,)?) => {{
        mod known {
            #![allow(unused_imports, reason = "that they can be imported is the point")]
            $(use $path as _;)*
        }
        [$(stringify!($path)),*]
    }};
}

#[test]
fn what_the_list_names_exists() {
    let mut known: BTreeSet<String> = replacements![
        evlet::Barrier,
        evlet::Condvar,
        evlet::Event,
        evlet::Queue,
        evlet::TcpListener,
        evlet::UdpSocket,
        evlet::UnixDatagram,
        evlet::UnixListener,
        evlet::UnixStream,
        evlet::connect,
        evlet::listen,
        evlet::os::fs::File,
        evlet::os::fs::OpenOptions,
        evlet::os::fs::canonicalize,
        evlet::os::fs::copy,
        evlet::os::fs::create_dir,
        evlet::os::fs::create_dir_all,
        evlet::os::fs::hard_link,
        evlet::os::fs::metadata,
        evlet::os::fs::read,
        evlet::os::fs::read_dir,
        evlet::os::fs::read_link,
        evlet::os::fs::read_to_string,
        evlet::os::fs::remove_dir,
        evlet::os::fs::remove_dir_all,
        evlet::os::fs::remove_file,
        evlet::os::fs::rename,
        evlet::os::fs::set_permissions,
        evlet::os::fs::symlink,
        evlet::os::fs::symlink_metadata,
        evlet::os::fs::try_exists,
        evlet::os::fs::write,
        evlet::os::process::Child,
        evlet::os::process::Command,
        evlet::os::stdio::stdin,
        evlet::resolve,
        evlet::sleep,
        evlet::timeout,
        evlet::tpool::execute,
    ]
    .map(|name| name.replace(' ', ""))
    .into();
    // Methods cannot be imported.
    let _ = evlet::Queue::<()>::get_timeout;
    let _ = evlet::TcpListener::accept;
    let _ = |path: &str| evlet::os::fs::File::open(path);
    let _ = |path: &str| evlet::os::fs::File::create(path);
    let methods = [
        "evlet::Queue::get_timeout",
        "evlet::TcpListener::accept",
        "evlet::os::fs::File::open",
        "evlet::os::fs::File::create",
    ];
    known.extend(methods.map(String::from));

    let list =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/blocking-calls/clippy.toml");
    let list = fs::read_to_string(list).unwrap();
    let mut named = 0;
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        for word in line.split(|c: char| !(c.is_alphanumeric() || c == ':' || c == '_')) {
            if word.starts_with("evlet::") {
                assert!(
                    known.contains(word),
                    "{word} is in the list and not in this test"
                );
                named += 1;
            }
        }
    }
    assert!(named > 50, "{named} replacements");
}
