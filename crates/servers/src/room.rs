//! A room of limited size for one server's data, for tests of full disks.
//!
//! It is a tmpfs in a mount namespace of its own, held by a child that ends when this process does: however that happens, nothing
//! stays mounted. Only root may make one.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::error::{Error, at};
use crate::nursery::{self, EndWith, bound_command};

/// Moves a folder into the room, then keeps the namespace.
const MAKE: &str = r#"set -e
mkdir -p "$2.room"
mount -t tmpfs -o "size=$1,mode=700" room "$2.room"
cp -a "$2/." "$2.room/"
mount --bind "$2.room" "$2"
echo made
exec sleep infinity"#;
/// Entering a namespace leaves the working folder behind.
const ENTER: &str = r#"cd "$0" && exec "$@""#;
const BALLAST_NAME: &str = "ballast";
/// Ballast is written in steps, the last ones small enough to leave nothing.
const BALLAST_STEPS: [usize; 3] = [1 << 20, 4_096, 1];

/// A server's folder with an end to it.
#[derive(Debug)]
pub(crate) struct Room {
    keeper: Child,
    folder: PathBuf,
}

impl Room {
    /// Moves the folder into a room of so many bytes. Only those who enter see it there; for all others the folder stays as it was.
    pub(crate) fn make(folder: &Path, bytes: u64) -> Result<Self, Error> {
        let spawn_error = |source| Error::Spawn { program: "unshare".to_owned(), source };
        let mut command = bound_command("unshare".as_ref(), EndWith::Kill, None);
        command.args(["--mount", "--", "sh", "-c", MAKE, "room"]).arg(bytes.to_string()).arg(folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut room = Self { keeper: nursery::spawn(command).map_err(spawn_error)?, folder: folder.to_owned() };
        let mut said = String::new();
        if let Some(output) = room.keeper.stdout.take() {
            BufReader::new(output).read_line(&mut said).map_err(spawn_error)?;
        }
        if said == "made\n" {
            return Ok(room);
        }
        let status = room.keeper.wait().map_err(spawn_error)?;
        Err(Error::Failed { program: "unshare".to_owned(), status, output: "no room was made".to_owned() })
    }

    /// The same command, run where the folder has an end.
    pub(crate) fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.arg(format!("--mount=/proc/{}/ns/mnt", self.keeper.id()));
        inside.args(["--", "sh", "-c", ENTER]).arg(&self.folder);
        inside.arg(command.get_program()).args(command.get_args());
        inside
    }

    /// Takes all the space that is left.
    pub(crate) fn fill(&self) -> Result<(), Error> {
        let path = self.ballast();
        let mut ballast = File::create(&path).map_err(at("create", &path))?;
        for step in BALLAST_STEPS {
            fill_by(&mut ballast, step).map_err(at("write", &path))?;
        }
        Ok(())
    }

    /// Gives it back.
    pub(crate) fn clear(&self) -> Result<(), Error> {
        let path = self.ballast();
        fs::remove_file(&path).map_err(at("remove", &path))
    }

    fn ballast(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        let inside = self.folder.strip_prefix("/").unwrap_or(&self.folder);
        root.join(inside).join(BALLAST_NAME)
    }
}

fn fill_by(ballast: &mut File, step: usize) -> std::io::Result<()> {
    let zeros = vec![0; step];
    loop {
        match ballast.write(&zeros) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // It holds nothing but the namespace.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
