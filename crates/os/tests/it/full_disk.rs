//! A disk that is full: for files, for standard streams, for children.
//!
//! `/dev/full` refuses every write. A disk that fills up on the way is a tmpfs of 64 KiB, which takes a
//! mount name space of the test's own, and so the rights for that.

use std::fs as std_fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command as StdCommand, Stdio};

use evlet_hub::run;
use evlet_os::fs::{self, File, FsError};
use evlet_os::process::Command;
use evlet_os::stdio::stderr;
use futures::{AsyncReadExt, AsyncWriteExt};

use crate::alone::{alone, open_descriptors};
use crate::process::sh;

const DISK: &str = "EVLET_OS_TEST_DISK";

/// Runs `body` with the path of a disk of 64 KiB, in a process of its own.
fn on_a_small_disk(name: &str, body: impl FnOnce(PathBuf)) {
    if let Some(disk) = std::env::var_os(DISK) {
        return body(disk.into());
    }
    let disk = std::env::temp_dir().join(format!("evlet-disk-{}", std::process::id()));
    std_fs::create_dir_all(&disk).unwrap();
    let script = "mount -t tmpfs -o size=64k none \"$0\" || exit 99; exec \"$@\"";
    let output = StdCommand::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(&disk)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1", "--nocapture"])
        .env(DISK, &disk)
        .output();
    std_fs::remove_dir(&disk).unwrap();
    let Ok(output) = output else {
        return println!("SKIPPED {name}: no unshare here");
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    if matches!(output.status.code(), Some(1 | 99)) && !errors.contains("panicked") {
        return println!("SKIPPED {name}: nothing may be mounted here: {errors}");
    }
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}\n{errors}"
    );
}

#[test]
fn a_disk_that_fills_up_takes_what_it_can_and_names_the_file() {
    let name = "full_disk::a_disk_that_fills_up_takes_what_it_can_and_names_the_file";
    on_a_small_disk(name, |disk| {
        run(async {
            let before = open_descriptors();
            let path = disk.join("log");
            let mut file = File::create(&path).await.unwrap();
            let full = file.write_all(&[b'x'; 200_000]).await;
            let full = match full {
                Err(full) => full,
                Ok(()) => file.flush().await.unwrap_err(),
            };
            assert_eq!(full.kind(), ErrorKind::StorageFull);
            let inside = full.get_ref().unwrap().downcast_ref::<FsError>().unwrap();
            assert_eq!(inside.path(), path);
            drop(file);
            // The part that found room is there, and nothing else in its place.
            let written = fs::read(&path).await.unwrap();
            assert!((1..=65_536).contains(&written.len()), "{}", written.len());
            assert!(written.iter().all(|byte| *byte == b'x'));

            // One that writes whole files says so too, and so does a child.
            let other = fs::write(disk.join("other"), [0; 4096]).await.unwrap_err();
            assert_eq!(other.kind(), ErrorKind::StorageFull);
            let third = std_fs::File::create(disk.join("third")).unwrap();
            let child = sh("head -c 10000 /dev/zero").stdout(third).output().await;
            let child = child.unwrap();
            assert!(!child.status.success());
            assert!(!child.stderr.is_empty());

            // Once there is room again, all is well.
            fs::remove_file(&path).await.unwrap();
            fs::write(&path, b"short").await.unwrap();
            assert_eq!(fs::read(&path).await.unwrap(), b"short");
            assert_eq!(open_descriptors(), before);
        });
    });
}

#[test]
fn a_child_whose_output_has_no_room_fails_and_says_so() {
    run(async {
        let full = std_fs::File::create("/dev/full").unwrap();
        let mut cat = Command::new("cat");
        cat.stdin(Stdio::piped())
            .stdout(full)
            .stderr(Stdio::piped());
        let child = cat.spawn().unwrap();
        let all = child.communicate(vec![b'x'; 300_000]).await.unwrap();
        assert!(!all.status.success());
        let said = String::from_utf8_lossy(&all.stderr);
        assert!(said.contains("space"), "{said}");
    });
}

// Of the three it is standard error, since the test's own lines go to the other.
#[test]
fn a_standard_stream_that_has_no_room_is_an_error_that_names_it() {
    let name = "full_disk::a_standard_stream_that_has_no_room_is_an_error_that_names_it";
    if std::env::var_os(DISK).is_some() {
        return run(async {
            let mut errors = stderr().unwrap();
            let full = match errors.write_all(b"lost").await {
                Err(full) => full,
                Ok(()) => errors.flush().await.unwrap_err(),
            };
            println!("{:?}: {full}", full.kind());
        });
    }
    let output = StdCommand::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1", "--nocapture"])
        .stderr(std_fs::File::create("/dev/full").unwrap())
        .env(DISK, "/dev/full")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("StorageFull"), "{said}");
    assert!(said.contains("standard error"), "{said}");
}

// A reader that goes on after the writer's disk is full gets what there was.
#[test]
fn a_pipe_from_a_writer_that_ran_out_of_room_ends() {
    alone(
        "full_disk::a_pipe_from_a_writer_that_ran_out_of_room_ends",
        || {
            run(async {
                let mut command = sh("echo begun; echo lost > /dev/full || exit 5");
                command.stdout(Stdio::piped()).stderr(Stdio::null());
                let mut child = command.spawn().unwrap();
                let mut text = String::new();
                let mut output = child.stdout.take().unwrap();
                output.read_to_string(&mut text).await.unwrap();
                assert_eq!(text, "begun\n");
                assert_eq!(child.wait().await.unwrap().code(), Some(5));
            });
        },
    );
}
