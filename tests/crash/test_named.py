# SPDX-License-Identifier: Apache-2.0
"""On a file system without unnamed files (O_TMPFILE), like many on FUSE, thumbnails have hidden
names until they are complete, and no hidden file remains."""

import json
import os
import shutil
import subprocess

from rig import CONFIG, FAILPOINTS, THUMBQ, CrashTest, checker, main, wait_for

NO_UNNAMED = "publish.create.before=EOPNOTSUPP@1x1000000"
N = 6


class Named(CrashTest):

    def hidden(self, rig):
        return [path.name for path in (rig.bucket / "thumbnails").iterdir()
                if path.name.startswith(".thumbq")]

    def states(self, rig):
        rows = checker.Bucket(rig.bucket, os.fspath(rig.config), THUMBQ).run("list", "--json")
        return [(row["state"], row["attempts"]) for row in rows]

    def run_once(self, rig, *plans):
        return rig.start("--once", program=FAILPOINTS,
                         env={"THUMBQ_FAILPOINT": ",".join([NO_UNNAMED, *plans])}).wait()

    def test_each_isolation(self):
        for isolation in ("none", "file"):
            with self.subTest(isolation=isolation):
                rig = self.rig(isolation, config=CONFIG.replace(
                    "[handler]", f"[handler]\nisolation = {isolation}"))
                for turn in (1, 2):  # new ones, then others in their places
                    for i in range(N):
                        rig.put(f"a/{i}.png")
                    self.assertEqual(self.run_once(rig), 0, rig.log())
                    self.assertEqual(self.states(rig), [("done", 1)] * N, rig.log())
                    self.assertEqual(self.hidden(rig), [])
                    rig.check()
                self.assertEqual(rig.log().count("has no unnamed files"), 2, rig.log())

    def test_picture_that_fails(self):
        """The files of a picture that fails are removed at once."""
        rig = self.rig(config=CONFIG.replace("[handler]", "[handler]\nisolation = file"))
        rig.put("good.png")
        (rig.bucket / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
        daemon = rig.start_watching(program=FAILPOINTS, env={"THUMBQ_FAILPOINT": NO_UNNAMED})
        wait_for(lambda: sorted(self.states(rig))[1:] == [("done", 1)] and
                 self.states(rig)[0][0] == "dead", "both to be tried", rig.log)
        self.assertEqual(self.hidden(rig), [])
        self.assertEqual(daemon.terminate(), 0, rig.log())

    def test_crash(self):
        """The next start removes the files that a crash leaves."""
        rig = self.rig()
        for i in range(N):
            rig.put(f"a/{i}.png")
        self.assertEqual(self.run_once(rig, "publish.rename-named.before=crash@3"), -9, rig.log())
        self.assertGreaterEqual(len(self.hidden(rig)), 1, rig.log())
        self.assertEqual(self.run_once(rig), 0, rig.log())
        self.assertEqual(self.hidden(rig), [])
        rig.check()

    def test_bindfs(self):
        """The bucket lies on a real file system of this kind."""
        if os.geteuid() != 0 or not shutil.which("bindfs"):
            self.skipTest("a bucket on FUSE is not tried: that takes root and bindfs")
        (self.root / "below").mkdir()
        mount = self.root / "fuse"
        mount.mkdir()
        done = subprocess.run(["bindfs", self.root / "below", mount], stderr=subprocess.PIPE,
                              text=True)
        if done.returncode != 0:
            self.skipTest(f"a bucket on FUSE is not tried: bindfs says {done.stderr}")
        self.addCleanup(subprocess.run, ["umount", "-l", mount], check=True)
        rig = self.rig(bucket=mount, config=CONFIG + f"[bucket]\nstate = {self.root}/state\n")
        for i in range(N):
            rig.put(f"a/{i}.png")
        rig.once()
        self.assertEqual(self.states(rig), [("done", 1)] * N, rig.log())
        self.assertEqual(self.hidden(rig), [])
        report = json.loads(rig.command("doctor", "--json").stdout)
        row = next(row for row in report["checks"] if row["name"] == "unnamed-files")
        self.assertIn(row["status"], ("ok", "warning"), row)


if __name__ == "__main__":
    main()
