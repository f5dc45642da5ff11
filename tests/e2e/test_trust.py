# SPDX-License-Identifier: Apache-2.0
"""An uploader may only upload: daemon and commands refuse an uploader's files in the place of state
and configuration, and thumbq's files there are for its owner alone. Root is the administrator here,
and UPLOADER a user who may write to the bucket, as in a shared folder."""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, os.fspath(Path(__file__).resolve().parents[1] / "support"))
from harness import BLUE, RED, THUMBQ, E2ETest, main, png, wait_for
import control_frames as control
from others import for_others

UPLOADER, OTHER = 65533, 65532

# A configuration whose effect shows: it names another folder for the thumbnails.
PLANTED = "[rendition planted]\nsize = 64x64\n"


def as_user(uid, *command):
    """Runs a command as another user. Returns (status, stdout, stderr)."""
    result = subprocess.run(
        ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *map(os.fspath, command)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        errors="replace", timeout=60)
    return result.returncode, result.stdout, result.stderr


def shell_as(uid, folder, script):
    status, _out, log = as_user(uid, "sh", "-ec", f'cd "{folder}"\n{script}')
    if status != 0:
        raise AssertionError(log)


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def tree(folder):
    """Returns {path: (owner, size, content)} of all files below."""
    found = {}
    for where, folders, names in os.walk(folder):
        for name in folders + names:
            path = Path(where, name)
            st = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(st.st_mode) else b""
            found[os.path.relpath(path, folder)] = (st.st_uid, stat.S_IFMT(st.st_mode), content)
    return found


class FakeDaemon:
    """A socket at `path` that answers each request with the same packets."""

    def __init__(self, path, packets):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(os.fspath(path))
        self.socket.listen(8)
        self.packets = packets
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _address = self.socket.accept()
                threading.Thread(target=self.answer, args=[peer], daemon=True).start()

    def answer(self, peer):
        with peer, contextlib.suppress(OSError):
            if peer.recv(20000):
                for packet in self.packets:
                    peer.send(packet)

    def close(self):
        self.socket.close()


@unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
class TrustTest(E2ETest):

    def setUp(self):
        super().setUp()
        self.bucket.path.chmod(0o777)
        self.bucket.put("a.png", png(30, 20, RED))

    def plant(self, script):
        """The uploader runs a script in the bucket."""
        shell_as(UPLOADER, self.bucket.path, script)

    def expect_refused(self, result, says):
        self.assertEqual(result.status, 2, result.log)
        self.assertIn(says, result.log)
        self.assertFalse((self.bucket.thumbnails / "planted").exists())

    def test_planted_configuration(self):
        self.plant(f"mkdir .thumbq; printf '{PLANTED}' > .thumbq/thumbq.conf")
        before = tree(self.bucket.state)
        self.expect_refused(self.bucket.once(), f"belongs to the user {UPLOADER}")
        self.assertEqual(tree(self.bucket.state), before)

    def test_planted_file_in_own_folder(self):
        self.bucket.state.mkdir(0o700)
        conf = self.bucket.state / "thumbq.conf"
        conf.write_text(PLANTED)
        os.chown(conf, UPLOADER, UPLOADER)
        self.expect_refused(self.bucket.once(), f"belongs to the user {UPLOADER}")

    def test_folder_that_others_may_write(self):
        self.bucket.configure(PLANTED)
        self.bucket.state.chmod(0o777)
        self.expect_refused(self.bucket.once(), "others than its owner may write to it")
        self.bucket.state.chmod(0o755)
        conf = self.bucket.state / "thumbq.conf"
        conf.chmod(0o666)
        self.expect_refused(self.bucket.once(), "others than its owner may write to it")

    def test_link_as_state(self):
        victim = self.bucket.root / "victim"
        (victim / "store").mkdir(parents=True)
        for name in ("lock", "session", "control", "store/data.mdb", "store/lock.mdb"):
            (victim / name).write_text("precious\n")
        before = tree(victim)
        self.plant(f"ln -s '{victim}' .thumbq")
        for command in (["run", "--once"], ["stats"], ["sweep", "all"], ["sync"], ["list"]):
            result = self.bucket.command(*command, self.bucket.path)
            self.assertEqual(result.status, 2, (command, result.log))
            self.assertIn("symbolic link", result.log)
        self.assertEqual(tree(victim), before)

    def test_link_as_file(self):
        victim = self.bucket.root / "victim"
        victim.write_text("precious\n")
        self.assertEqual(self.bucket.once().status, 0)
        for name in ("lock", "session.new", "store/data.mdb", "store/lock.mdb"):
            path = self.bucket.state / name
            saved = path.read_bytes() if path.exists() else None
            path.unlink(missing_ok=True)
            path.symlink_to(victim)
            result = self.bucket.once()
            self.assertEqual(result.status, 2, (name, result.log))
            self.assertIn("symbolic link", result.log)
            path.unlink()
            if saved is not None:
                path.write_bytes(saved)
        self.assertEqual(victim.read_text(), "precious\n")
        self.assertEqual(self.bucket.once().status, 0)

    def test_fifo(self):
        """No command waits for the other end of a pipe."""
        self.assertEqual(self.bucket.once().status, 0)
        session = self.bucket.state / "session"
        session.unlink()
        os.mkfifo(session)
        self.assertEqual(self.bucket.once().status, 0)
        self.assertTrue(session.is_file())
        os.mkfifo(self.bucket.state / "thumbq.conf")
        for command in (["run", "--once"], ["stats"], ["config"]):
            result = self.bucket.command(*command, self.bucket.path)
            self.assertEqual(result.status, 2, (command, result.log))
            self.assertIn("no regular file", result.log)

    def test_doctor_ends(self):
        """A pipe in the place of any file of the state does not stop doctor."""
        self.assertEqual(self.bucket.once().status, 0)
        names = [path for path in self.bucket.state.rglob("*") if path.is_file()]
        self.assertIn(self.bucket.state / "mark.key", names)
        usual = self.bucket.command("doctor", self.bucket.path).status
        for path in names:
            with self.subTest(path.name):
                aside = path.rename(path.with_name("aside"))
                os.mkfifo(path)
                status = self.bucket.command("doctor", self.bucket.path).status
                self.assertEqual(status, 1 if path.parent.name == "store" else usual)
                path.unlink()
                aside.rename(path)

    def test_planted_store(self):
        """The uploader plants noise as data.mdb, and a session that reports a good end, so that
        LMDB would read the noise."""
        self.assertEqual(self.bucket.once().status, 0)
        data = self.bucket.state / "store/data.mdb"
        size = data.stat().st_size
        content = data.read_bytes()
        data.write_bytes(content[:8192] + os.urandom(size - 8192))
        st = data.stat()
        nanoseconds = st.st_mtime_ns % 10**9
        (self.bucket.state / "session").write_text(
            f"ended {st.st_size} {st.st_mtime_ns // 10**9}.{nanoseconds:09d}\n")
        os.chown(data, UPLOADER, UPLOADER)
        for command in (["run", "--once"], ["stats"], ["list"]):
            self.expect_refused(self.bucket.command(*command, self.bucket.path),
                                f"belongs to the user {UPLOADER}")
        os.chown(data, 0, 0)
        os.chown(data.parent, UPLOADER, UPLOADER)
        self.expect_refused(self.bucket.once(), f"belongs to the user {UPLOADER}")

    def test_folder_replaced_under_a_daemon(self):
        """The uploader replaces .thumbq by another folder: at SIGHUP the daemon does not read
        it."""
        self.bucket.configure("[rendition mine]\nsize = 32x32\n")
        daemon = self.bucket.start()
        self.bucket.sync()
        trap = self.bucket.root / "trap"
        self.plant(f"""mv .thumbq .old; mkdir .thumbq 2> /dev/null || exit 0
            printf '{PLANTED}[schedule x]\\ncron = * * * * *\\nrun = exec touch {trap}\\n' \\
                > .thumbq/thumbq.conf""")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "configuration" in daemon.log(), "the reload", daemon.log)
        self.bucket.put("b.png", png(30, 20, BLUE))
        wait_for((self.bucket.thumbnails / "mine/b.png.jpg").exists, "b.png", daemon.log)
        self.assertFalse((self.bucket.thumbnails / "planted").exists())
        self.assertFalse((self.bucket.thumbnails / "small").exists(), "the defaults do not hold")
        self.assertNotIn("[schedule x]", daemon.log())
        if os.lstat(self.bucket.state).st_uid == UPLOADER:
            wait_for(lambda: "goes on with its own" in daemon.log(), "a word of it", daemon.log)
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(trap.exists())

    def test_search_upward(self):
        """Another user's .thumbq in a shared folder does not make a bucket of it."""
        self.plant(f"mkdir -p .thumbq sub; printf '{PLANTED}' > .thumbq/thumbq.conf")
        result = self.bucket.command("config", cwd=self.bucket.path / "sub")
        self.assertEqual(result.status, 3, result.out)
        self.assertIn("belongs to another user", result.log)
        self.assertNotIn("planted", result.out)

    def test_text_from_a_socket(self):
        """The listener at the socket sends escape sequences, which no command prints."""
        self.bucket.state.mkdir(0o700)
        nasty = "\x1b]0;owned\x07\x9b31m\u009b31m\r\nthumbq: error: forged\x7f"
        framed = [control.item(b"orphan\t" + nasty.encode() + b"\tx"),
                  control.item(b"\x1b[2J\x9b"),
                  # These bytes are valid UTF-8. They reverse text, or end a line.
                  control.item(b"orphan\t" + "\u202egnp.exe\u2066\u2028z".encode() + b"\tx"),
                  control.refusal(nasty)]
        for command, packets in ((["sweep", "all", "--dry-run"], framed), (["sync"], framed),
                                 (["sync"], [b"error " + nasty.encode()])):
            (self.bucket.state / "control").unlink(missing_ok=True)
            fake = FakeDaemon(self.bucket.state / "control", packets)
            self.addCleanup(fake.close)
            result = subprocess.run([THUMBQ, *command, self.bucket.path], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, timeout=60)
            self.assertIn(b"owned", result.stderr)
            for line in (result.stdout + result.stderr).split(b"\n"):
                for byte in line:
                    self.assertTrue(byte >= 0x20 or byte == 9, (command, line))
                text = line.decode()  # so that the packet is UTF-8
                self.assertFalse(any(0x7f <= ord(c) < 0xa0 for c in text), (command, line))
                self.assertFalse(set(text) & set("\u202e\u2066\u2028"), (command, line))

    def test_socket_of_somebody_else(self):
        """A command connects only to a daemon of the state's owner."""
        self.plant("mkdir .thumbq")
        fake = FakeDaemon(self.bucket.state / "control", [control.frame(control.ANSWER)])
        self.addCleanup(fake.close)
        os.chown(self.bucket.state / "control", UPLOADER, UPLOADER)
        os.chmod(self.bucket.state / "control", 0o777)
        status, _out, log = as_user(OTHER, for_others(THUMBQ), "sync", self.bucket.path)
        self.assertEqual(status, 2, log)
        self.assertIn(f"belongs to the user {UPLOADER}", log)

    def refusal_of(self, *command):
        """Returns the only line that a command prints for a user who may not open the state."""
        status, out, log = as_user(OTHER, for_others(THUMBQ), *command, self.bucket.path)
        self.assertEqual((status, out, log.count("\n")), (74, "", 1), log)
        return log

    def test_who_may(self):
        """A command that may not open a folder names the users that may, whether a daemon runs or
        not."""
        self.bucket.once()
        commands = (["stats"], ["list"], ["show", "x"], ["dead"], ["dead", "retry"], ["events"],
                    ["metrics"], ["bill"], ["reprocess"], ["schedule"], ["trigger"], ["sync"],
                    ["sweep"], ["config"], ["run"])
        for folder, users in ((self.bucket.state, "root"),
                              (self.bucket.root, f"the user {UPLOADER}, or as root")):
            owner = UPLOADER if folder == self.bucket.root else 0
            os.chown(folder, owner, owner)
            folder.chmod(0o700)
            for command in commands:
                with self.subTest(folder=folder, command=command):
                    log = self.refusal_of(*command)
                    self.assertTrue(log.endswith(f": permission denied; run thumbq as {users}\n"),
                                    log)
        os.chown(self.bucket.root, 0, 0)
        self.bucket.root.chmod(0o755)
        daemon = self.bucket.start()
        for command in commands:
            with self.subTest(command=command):
                self.assertIn("; run thumbq as root\n", self.refusal_of(*command))
        self.assertEqual(daemon.stop(), 0)

    def test_peers_of_the_daemon(self):
        """The daemon answers only its owner and root, even at a socket that is open to every
        user."""
        daemon = self.bucket.start()
        self.bucket.sync()
        self.bucket.state.chmod(0o711)
        path = self.bucket.state / "control"
        path.chmod(0o777)
        commit = control.frame(control.COMMIT).hex()
        status, out, log = as_user(UPLOADER, "python3", "-c", control.ASK, path, commit)
        self.assertEqual(status, 0, log)
        self.assertEqual(control.parse_refusal(bytes.fromhex(out))[0], 16)
        status, out, log = as_user(0, "python3", "-c", control.ASK, path, commit)
        self.assertEqual(status, 0, log)
        self.assertEqual(control.parse(bytes.fromhex(out))[0], control.ANSWER)
        self.assertEqual(daemon.stop(), 0)

    def check_closed(self):
        for where, folders, names in os.walk(self.bucket.state):
            self.assertEqual(mode(where), 0o700, where)
            for name in names:
                if name != "thumbq.conf":
                    self.assertEqual(mode(Path(where, name)), 0o600, name)

    def test_modes(self):
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        daemon = self.bucket.start()
        self.bucket.sync()
        self.check_closed()
        self.assertEqual(daemon.stop(), 0)
        self.check_closed()

    def test_modes_of_an_older_state(self):
        """The next daemon closes files that were open to readers."""
        self.assertEqual(self.bucket.once().status, 0)
        self.bucket.state.chmod(0o755)
        (self.bucket.state / "store").chmod(0o755)
        for name in ("lock", "session", "store/data.mdb", "store/lock.mdb"):
            (self.bucket.state / name).chmod(0o644)
        self.assertEqual(self.bucket.once().status, 0)
        self.check_closed()

    def test_lock_of_others(self):
        """No other user can take the lock to prevent a start of the daemon."""
        self.assertEqual(self.bucket.once().status, 0)
        status, _out, _log = as_user(UPLOADER, "flock", "-n", self.bucket.state / "lock", "true")
        self.assertNotEqual(status, 0)
        status, _out, _log = as_user(UPLOADER, "flock", "-n", self.bucket.state, "true")
        self.assertNotEqual(status, 0)

    def test_bucket_is_not_locked(self):
        """Other users may lock the bucket. The state folder belongs to the daemon."""
        for folder, status in ((self.bucket.path, 0), (self.bucket.state, 4)):
            fd = os.open(folder, os.O_RDONLY)
            self.addCleanup(os.close, fd)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.assertEqual(self.bucket.once().status, status)

    def test_root_becomes_the_owner(self):
        """Commands of root leave no file that locks the service out."""
        self.bucket.state.mkdir(0o700)
        os.chown(self.bucket.state, UPLOADER, UPLOADER)
        status, _out, log = as_user(UPLOADER, for_others(THUMBQ), "run", "--once", self.bucket.path)
        self.assertEqual(status, 0, log)
        self.bucket.put("b.png", png(30, 20, BLUE))
        self.bucket.put("broken.png", b"\x89PNG\r\n\x1a\nno")
        for command in (["sync"], ["stats"], ["sweep", "all"], ["reprocess"], ["dead", "retry"],
                        ["list"], ["doctor"]):
            result = self.bucket.run_program([for_others(THUMBQ), *command, self.bucket.path])
            self.assertIn(result.status, (0, 1), (command, result.log))
        strangers = [path for path, (uid, _kind, _content) in tree(self.bucket.state).items()
                     if uid != UPLOADER]
        self.assertEqual(strangers, [])
        status, _out, log = as_user(UPLOADER, for_others(THUMBQ), "run", "--once", self.bucket.path)
        self.assertEqual(status, 1, log)
        # The daemon itself does not become the owner of a folder.
        self.expect_refused(self.bucket.once(), f"belongs to the user {UPLOADER}")


@unittest.skipUnless(os.geteuid() == 0, "only root can have an /etc of its own")
class EtcTest(E2ETest):
    """/etc/thumbq/NAME.conf, with a copy of /etc in a mount namespace."""

    def setUp(self):
        super().setUp()
        self.etc = self.bucket.root / "etc"
        if subprocess.run(["unshare", "-m", "true"]).returncode != 0:
            self.skipTest("this machine gives nobody a mount namespace")
        subprocess.run(["cp", "-a", "/etc", self.etc], check=True)
        shutil.rmtree(self.etc / "thumbq", ignore_errors=True)
        (self.etc / "thumbq").mkdir(0o755)
        self.bucket.put("2026/a.png", png(30, 20, RED))
        self.elsewhere = self.bucket.root / "lib/photos"

    def name_bucket(self, file, text, path=None):
        path = path or self.bucket.path
        (self.etc / "thumbq" / file).write_text(f"[bucket]\npath = {path}\n{text}")

    def run_there(self, *arguments, cwd="/", env=None):
        script = 'mount --bind "$0" /etc && cd "$1" && shift && exec "$@"'
        return self.bucket.run_program(
            ["unshare", "-m", "sh", "-c", script, self.etc, os.fspath(cwd), THUMBQ,
             *map(os.fspath, arguments)], env=env)

    def test_bucket_and_state(self):
        """The file names the bucket, its state, and its settings."""
        self.name_bucket("photos.conf",
                         f"state = {self.elsewhere}\n[rendition tiny]\nsize = 32x32\n")
        result = self.run_there("run", "--once", cwd=self.bucket.path / "2026")
        self.assertEqual(result.status, 0, result.log)
        self.assertTrue((self.bucket.thumbnails / "tiny/2026/a.png.jpg").exists())
        self.assertFalse(self.bucket.state.exists())
        self.assertEqual(mode(self.elsewhere), 0o700)
        result = self.run_there("stats", "--json", self.bucket.path)
        self.assertEqual(result.json()["objects"]["done"], 1)
        self.assertEqual(result.json()["bucket"], os.fspath(self.bucket.path))

    def test_it_wins_and_says_so(self):
        self.bucket.configure("[rendition own]\nsize = 32x32\n")
        self.name_bucket("photos.conf", "[rendition etc]\nsize = 32x32\n")
        result = self.run_there("config", self.bucket.path)
        self.assertEqual(result.status, 0, result.log)
        self.assertIn("[rendition etc]", result.out)
        self.assertNotIn("[rendition own]", result.out)
        self.assertIn("/etc/thumbq/photos.conf", result.log)
        self.assertIn("thumbq.conf' is not read", result.log)

    def test_order(self):
        """--config, $THUMBQ_CONFIG, /etc/thumbq, .thumbq/thumbq.conf, the defaults."""
        text = "[rendition {}]\nsize = 32x32\n"
        for name in ("option", "variable"):
            (self.bucket.root / f"{name}.conf").write_text(text.format(name))

        def holds(*arguments, env=None):
            result = self.run_there("config", *arguments, self.bucket.path, env=env)
            self.assertEqual(result.status, 0, result.log)
            return [line[11:-1] for line in result.out.splitlines()
                    if line.startswith("[rendition ")]

        variable = {"THUMBQ_CONFIG": os.fspath(self.bucket.root / "variable.conf")}
        self.assertEqual(holds(), ["small", "large"])
        self.bucket.configure(text.format("own"))
        self.assertEqual(holds(), ["own"])
        self.name_bucket("photos.conf", text.format("etc"))
        self.assertEqual(holds(), ["etc"])
        self.assertEqual(holds(env=variable), ["variable"])
        self.assertEqual(holds("--config", self.bucket.root / "option.conf", env=variable),
                         ["option"])

    def test_longest_path(self):
        inner = self.bucket.path / "2026"
        self.name_bucket("outer.conf", "")
        self.name_bucket("inner.conf", "prefix = small-ones\n", inner)
        self.name_bucket("gateway.conf", "", "/")
        result = self.run_there("config", cwd=inner)
        self.assertIn("prefix = small-ones", result.out)
        result = self.run_there("config", cwd=self.bucket.path)
        self.assertIn("prefix = thumbnails", result.out)

    def test_of_another_bucket(self):
        """A file that names a bucket applies to no other bucket."""
        other = self.bucket.root / "other.conf"
        other.write_text("[bucket]\npath = /srv/other\n")
        result = self.run_there("stats", "--config", other, self.bucket.path)
        self.assertEqual(result.status, 2, result.log)
        self.assertIn("/srv/other", result.log)

    def test_trust(self):
        self.name_bucket("photos.conf", "")
        conf = self.etc / "thumbq/photos.conf"
        conf.chmod(0o666)
        result = self.run_there("stats", self.bucket.path)
        self.assertEqual(result.status, 2, result.log)
        self.assertIn("/etc/thumbq/photos.conf", result.log)
        conf.chmod(0o644)
        self.name_bucket("second.conf", "")
        result = self.run_there("stats", self.bucket.path)
        self.assertEqual(result.status, 2, result.log)
        self.assertIn("both name the bucket", result.log)


if __name__ == "__main__":
    main()
