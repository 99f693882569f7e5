//! Files and directories.

use std::io::{ErrorKind, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::task::Poll;
use std::time::Duration;

use evlet_hub::{Hub, now, run, sleep, spawn};
use evlet_os::fs::{self, File, FsError, OpenOptions};
use futures::io::BufReader;
use futures::{
    AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, StreamExt, TryStreamExt, poll,
};

use crate::alone::{alone, open_descriptors};

/// A directory of the test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("evlet-fs-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_functions_do_what_the_standard_librarys_do() {
    let folder = Folder::new("functions");
    run(async {
        let (a, b) = (folder.file("a"), folder.file("b"));
        fs::write(&a, "text").await.unwrap();
        assert_eq!(fs::read(&a).await.unwrap(), b"text");
        assert_eq!(fs::copy(&a, &b).await.unwrap(), 4);
        assert_eq!(fs::read_to_string(&b).await.unwrap(), "text");
        assert_eq!(fs::metadata(&b).await.unwrap().len(), 4);
        fs::rename(&b, folder.file("c")).await.unwrap();
        assert!(!fs::try_exists(&b).await.unwrap());
        fs::symlink("a", &b).await.unwrap();
        assert_eq!(fs::read_link(&b).await.unwrap(), Path::new("a"));
        assert!(fs::symlink_metadata(&b).await.unwrap().is_symlink());
        let real = std::fs::canonicalize(&a).unwrap();
        assert_eq!(fs::canonicalize(&b).await.unwrap(), real);
        fs::hard_link(&a, folder.file("d")).await.unwrap();
        let only_read = std::fs::Permissions::from_mode(0o400);
        fs::set_permissions(&a, only_read).await.unwrap();
        let mode = fs::metadata(&a).await.unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o400);

        let deep = folder.file("x/y/z");
        fs::create_dir_all(&deep).await.unwrap();
        fs::create_dir(deep.join("w")).await.unwrap();
        fs::remove_dir(deep.join("w")).await.unwrap();
        fs::remove_file(&b).await.unwrap();
        fs::remove_dir_all(folder.file("x")).await.unwrap();
        let entries = fs::read_dir(&folder.0).await.unwrap();
        let mut names: Vec<_> = entries
            .map_ok(|entry| entry.file_name().to_owned())
            .try_collect()
            .await
            .unwrap();
        names.sort();
        assert_eq!(names, ["a", "c", "d"]);
    });
}

#[test]
fn a_directory_of_thousands_comes_in_batches_and_whole() {
    let folder = Folder::new("thousands");
    run(async {
        for n in 0..1000 {
            std::fs::write(folder.file(&n.to_string()), "").unwrap();
        }
        let mut entries = fs::read_dir(&folder.0).await.unwrap();
        let mut seen = 0;
        loop {
            // Every wait is given up once.
            let next = match poll!(entries.next()) {
                Poll::Ready(next) => next,
                Poll::Pending => entries.next().await,
            };
            let Some(entry) = next else { break };
            let entry = entry.unwrap();
            assert!(entry.file_type().is_file());
            assert!(entry.path().starts_with(&folder.0));
            seen += 1;
            if seen == 1 {
                assert_eq!(entry.metadata().await.unwrap().len(), 0);
            }
        }
        assert_eq!(seen, 1000);
        assert!(entries.next().await.is_none(), "the end stays");
    });
}

#[test]
fn errors_name_the_path_and_keep_their_kind() {
    run(async {
        let gone = fs::read("/no/such/file").await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        assert!(gone.to_string().starts_with("cannot read /no/such/file: "));
        let inner = gone.get_ref().unwrap().downcast_ref::<FsError>().unwrap();
        assert_eq!(inner.path(), Path::new("/no/such/file"));
        assert_eq!(inner.action(), "read");
        let enoent = rustix::io::Errno::NOENT.raw_os_error();
        assert_eq!(inner.os_error().raw_os_error(), Some(enoent));

        let two = fs::rename("/no/such/a", "/no/such/b").await.unwrap_err();
        let text = two.to_string();
        assert!(text.contains("rename /no/such/a to /no/such/b: "), "{text}");
        let odd = File::open("line\nbreak").await.unwrap_err();
        assert!(odd.to_string().contains("\"line\\nbreak\""), "{odd}");
        let empty = fs::metadata("").await.unwrap_err();
        assert!(empty.to_string().contains("look at \"\""), "{empty}");
        let nul = fs::write("a\0b", "").await.unwrap_err();
        assert_eq!(nul.kind(), ErrorKind::InvalidInput);
        let folder = fs::read_to_string("/").await.unwrap_err();
        assert_eq!(folder.kind(), ErrorKind::IsADirectory);
        let not_text = fs::read_to_string("/proc/self/exe").await.unwrap_err();
        assert_eq!(not_text.kind(), ErrorKind::InvalidData);
    });
}

#[test]
fn a_full_disk_is_an_error_of_the_write_that_names_the_path() {
    run(async {
        let full = fs::write("/dev/full", "x").await.unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        assert!(full.to_string().starts_with("cannot write to /dev/full: "));
        let mut file = OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .await
            .unwrap();
        let full = file.write_all(b"x").await.unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        assert!(full.to_string().starts_with("cannot write to /dev/full: "));
        file.close().await.unwrap();
        let after = file.write(b"x").await.unwrap_err();
        assert_eq!(after.kind(), ErrorKind::NotConnected);
        assert!(after.to_string().contains("/dev/full"), "{after}");
        assert!(file.sync_all().await.is_err());
        file.close().await.unwrap(); // twice: nothing
    });
}

#[test]
fn reading_writing_and_seeking() {
    let folder = Folder::new("seeking");
    run(async {
        let path = folder.file("f");
        let mut file = File::create(&path).await.unwrap();
        let big: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
        file.write_all(&big).await.unwrap();
        file.sync_data().await.unwrap();
        file.close().await.unwrap();
        let mut file = File::options().read(true).write(true).open(&path).await;
        let file = file.as_mut().unwrap();
        let mut back = Vec::new();
        file.read_to_end(&mut back).await.unwrap();
        assert!(back == big);
        assert_eq!(file.read(&mut [0; 8]).await.unwrap(), 0, "the end stays");
        assert_eq!(file.seek(SeekFrom::End(-2)).await.unwrap(), 2_999_998);
        file.write_all(b"end").await.unwrap();
        assert_eq!(file.stream_position().await.unwrap(), 3_000_001);
        assert_eq!(file.metadata().await.unwrap().len(), 3_000_001);
        file.set_len(3).await.unwrap();
        let before = file.seek(SeekFrom::Current(-9_000_000)).await.unwrap_err();
        assert!(before.to_string().contains("seek in "), "{before}");
        assert_eq!(fs::read(&path).await.unwrap(), &big[..3]);
        let again = OpenOptions::new().write(true).create_new(true).open(&path);
        assert_eq!(again.await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    });
}

// proves the rows "file read" and "file write" of D-1
#[test]
fn what_was_given_up_is_neither_lost_nor_done_twice() {
    let folder = Folder::new("given-up");
    run(async {
        let path = folder.file("f");
        std::fs::write(&path, "0123456789").unwrap();
        let mut file = File::options().read(true).write(true).open(&path).await;
        let file = file.as_mut().unwrap();
        let mut four = [0; 4];
        assert!(poll!(file.read(&mut four)).is_pending());
        sleep(Duration::from_millis(5)).await;
        let mut two = [0; 2];
        file.read_exact(&mut two).await.unwrap();
        assert_eq!(&two, b"01");
        // Two bytes were read ahead: the position is where its user believes it is.
        assert_eq!(file.stream_position().await.unwrap(), 2);
        assert!(poll!(file.read(&mut four)).is_pending());
        sleep(Duration::from_millis(5)).await;
        file.write_all(b"ab").await.unwrap();
        assert_eq!(fs::read(&path).await.unwrap(), b"01ab456789");

        // A write that is given up and tried again is made once.
        for _ in 0..3 {
            if let Poll::Ready(done) = poll!(file.write(b"cd")) {
                assert_eq!(done.unwrap(), 2);
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
        let _ = poll!(file.write(b"ef")).is_pending();
        file.write_all(b"gh").await.unwrap();
        file.flush().await.unwrap();
        assert_eq!(fs::read(&path).await.unwrap(), b"01abcdefgh");
    });
}

#[test]
fn lines_of_a_file() {
    let folder = Folder::new("lines");
    run(async {
        fs::write(folder.file("f"), "one\ntwo\nlast").await.unwrap();
        let file = File::open(folder.file("f")).await.unwrap();
        let lines: Vec<String> = BufReader::new(file).lines().try_collect().await.unwrap();
        assert_eq!(lines, ["one", "two", "last"]);
    });
}

#[test]
fn others_run_while_a_call_takes_its_time() {
    let folder = Folder::new("fifo");
    run(async {
        // A FIFO that nobody writes to: as slow as a disk can be.
        let fifo = folder.file("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        let path = fifo.clone();
        let opening = spawn(async move { File::open(path).await });
        for _ in 0..20 {
            sleep(Duration::from_millis(1)).await;
        }
        assert!(!opening.is_finished());
        fs::write(&fifo, "late").await.unwrap();
        let mut text = String::new();
        let mut file = opening.await.unwrap().unwrap();
        file.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "late");
    });
}

#[test]
fn virtual_time_stands_still_meanwhile() {
    let hub = Hub::builder().virtual_time(true).build().unwrap();
    hub.run(async {
        let start = now();
        for _ in 0..20 {
            fs::metadata("/").await.unwrap();
        }
        assert_eq!(now(), start);
    });
}

#[test]
fn nothing_leaks() {
    alone("fs::nothing_leaks", || {
        run(async {
            fs::metadata("/").await.unwrap();
            let before = open_descriptors();
            for _ in 0..200 {
                let mut file = File::open("Cargo.toml").await.unwrap();
                file.read_exact(&mut [0; 10]).await.unwrap();
                let mut dropped = File::open("Cargo.toml").await.unwrap();
                let _ = poll!(dropped.read(&mut [0; 10]));
                fs::read_dir("src").await.unwrap().next().await;
                let _ = poll!(File::open("Cargo.toml"));
                assert!(File::open("/no/such/file").await.is_err());
            }
            // Calls under way hold their file until they are done.
            for _ in 0..1000 {
                if open_descriptors() == before {
                    return;
                }
                sleep(Duration::from_millis(2)).await;
            }
            panic!("{} descriptors, {before} before", open_descriptors());
        });
    });
}
