# SPDX-License-Identifier: Apache-2.0
"""A bucket that is a mount of its own, with its state at another place. While it is not mounted, its
folder is empty: no object is removed from the store, however work comes to be tried."""

import os
import shutil
import signal

from harness import BLUE, GREEN, RED, png
from mounts import MountTest, main, run

NAMES = ["a.png", "b.png", "x/c.png"]
WARNING = "is empty, but the store knows objects of it: nothing is removed"


class Unmounted(MountTest):

    def setUp(self):
        super().setUp()
        self.bucket.state = self.bucket.root / "state"
        self.configure("")
        self.addCleanup(os.environ.pop, "THUMBQ_CONFIG")
        os.environ["THUMBQ_CONFIG"] = str(self.bucket.root / "thumbq.conf")
        self.mount()
        for name, color in zip(NAMES, (RED, GREEN, BLUE)):
            self.bucket.put(name, png(20, 20, color))

    def configure(self, text):
        (self.bucket.root / "thumbq.conf").write_text(
            f"[bucket]\nstate = {self.bucket.state}\n{text}")

    def mount(self):
        run("mount", "--bind", self.disk, self.bucket.path)

    def unmount(self):
        run("umount", "-l", self.bucket.path)
        self.assertFalse(set(NAMES) & set(os.listdir(self.bucket.path)))

    def start(self):
        daemon = self.bucket.start()
        self.bucket.sync()
        return daemon

    def make_all(self):
        """Makes all thumbnails, and unmounts the bucket after a normal end. Returns them."""
        self.assertEqual(self.start().stop(), 0)
        made = self.thumbnails()
        self.assertEqual(len(made), 2 * len(NAMES))
        self.unmount()
        return made

    def crash(self):
        """Makes all thumbnails, and unmounts the bucket after a crash. Returns them."""
        daemon = self.start()
        made = self.thumbnails()
        daemon.kill()
        self.unmount()
        return made

    def check_known(self, names=None):
        """Checks that the store knows all objects, and that none was removed."""
        self.assertEqual({row["name"] for row in self.bucket.list()}, set(names or NAMES))
        text = self.bucket.read("events", "--json").out
        removed = [line for line in text.splitlines() if "ObjectRemoved" in line]
        self.assertEqual(removed, [])
        self.assertEqual(self.bucket.stats()["objects"]["dead"], 0)

    def check_done(self):
        """Checks that the records are as before the unmounting."""
        self.check_known()
        self.assertEqual({row["state"] for row in self.bucket.list()}, {"done"})

    def check_back(self, made=None, names=None):
        """Mounts the bucket again, and checks that all is done. With `made`, no thumbnail was made
        again."""
        self.mount()
        daemon = self.start()
        self.check_bucket(names or NAMES)
        self.check_known(names)
        if made:
            self.assertEqual(self.thumbnails(), made)
        self.assertEqual(daemon.stop(), 0)

    def test_after_a_crash(self):
        made = self.crash()
        for _ in range(2):
            daemon = self.start()
            self.assertIn(WARNING, daemon.log())
            self.check_done()
            self.assertEqual(daemon.stop(), 0)
        self.check_back(made)

    def test_once_after_a_crash(self):
        made = self.crash()
        for _ in range(2):
            result = self.bucket.once()
            self.assertEqual(result.status, 0, result.log)
            self.assertIn(WARNING, result.log)
            self.check_done()
        self.check_back(made)

    def test_work_of_a_crash_is_done_when_it_is_back(self):
        """A sweep corrects what a crash left half done, also if the bucket was not mounted at the
        next start."""
        self.assertEqual(self.start().stop(), 0)
        store = self.bucket.state / "store"
        shutil.copytree(store, self.bucket.root / "store")
        daemon = self.start()
        gone = self.bucket.put("gone.png", png(20, 20, RED))
        self.bucket.sync()
        daemon.kill()
        # The picture is removed, and the store is as it was before.
        gone.unlink()
        shutil.rmtree(store)
        os.rename(self.bucket.root / "store", store)
        self.unmount()
        self.assertEqual(self.start().stop(), 0)
        self.mount()
        self.assertTrue(self.bucket.small("gone.png").exists())
        self.assertEqual(self.start().stop(), 0)
        self.check_bucket(NAMES)

    def test_unmounted_under_the_daemon(self):
        daemon = self.start()
        made = self.thumbnails()
        self.unmount()
        self.assertEqual(daemon.wait(), 3, daemon.log())
        self.start().kill()
        self.start().stop()
        self.check_done()
        self.check_back(made)

    def test_work_under_way(self):
        """The crash leaves objects that wait, or are being handled."""
        self.configure("[handler]\nconcurrency = 1\nisolation = none\nbackfill_nice = 0\n")
        daemon = self.start()
        daemon.pause_worker()
        names = [f"new-{i}.png" for i in range(3)]
        for name in names:
            self.bucket.put(name, png(20, 20, RED))
        self.bucket.wait_for(lambda: self.bucket.stats()["objects"]["total"] == 6, "all objects")
        daemon.process.kill()
        daemon.process.wait()
        self.unmount()
        for _ in range(2):
            self.assertEqual(self.start().stop(), 0)
            self.check_known(NAMES + names)
            self.assertEqual(self.bucket.once().status, 0)
            self.check_known(NAMES + names)
        self.check_back(names=NAMES + names)

    def test_sweeps(self):
        made = self.make_all()
        for start in (False, True):
            daemon = self.start() if start else None
            for kind in ("missing", "stale", "orphans", "all"):
                with self.subTest(daemon=start, kind=kind):
                    result = self.bucket.command("sweep", kind, "--bucket", self.bucket.path)
                    self.assertEqual(result.status, 0, result.log)
                    if start:
                        self.bucket.sync()
                    self.check_done()
            if daemon:
                self.assertEqual(daemon.stop(), 0)
        self.check_back(made)

    def test_reprocess(self):
        self.make_all()
        self.start()
        result = self.bucket.command("reprocess", self.bucket.path)
        self.assertEqual(result.status, 0, result.log)
        self.bucket.sync()
        self.check_known()
        self.bucket.daemons[-1].kill()
        self.assertEqual(self.start().stop(), 0)
        self.check_known()
        self.check_back()

    def test_other_configuration(self):
        self.make_all()
        daemon = self.start()
        self.configure("[rendition other]\nsize = 10x10\n")
        daemon.process.send_signal(signal.SIGHUP)
        self.bucket.wait_for(lambda: "configuration read anew" in daemon.log(),
                             "the configuration to be read")
        self.bucket.sync()
        self.check_done()

    def test_folder_of_thumbnails_is_replaced(self):
        made = self.make_all()
        daemon = self.start()
        os.rename(self.bucket.thumbnails, self.bucket.root / "taken")
        self.bucket.wait_for(lambda: "was removed, moved or replaced" in daemon.log(),
                             "the daemon to see it")
        self.bucket.sync()
        self.check_done()
        self.assertEqual(daemon.stop(), 0)
        self.check_back(made)

    def test_a_new_file_in_the_empty_folder(self):
        """An upload into the folder, and its removal, are noted, and concern no other object."""
        self.make_all()
        daemon = self.start()
        self.bucket.put("new.png", png(20, 20, RED))
        self.bucket.wait_record("new.png")
        (self.bucket.path / "new.png").unlink()
        self.bucket.wait_gone("new.png")
        self.assertEqual({row["name"]: row["state"] for row in self.bucket.list()},
                         dict.fromkeys(NAMES, "done"))
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    main()
