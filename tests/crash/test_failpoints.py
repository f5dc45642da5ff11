# SPDX-License-Identifier: Apache-2.0
"""At every fail point the process dies, or the call fails, in the middle of a batch; after the next
start the bucket is right. A point that is never reached fails the test."""

import concurrent.futures
import json
import os
import random
import shutil
import subprocess
import unittest

from rig import CONFIG, FAILPOINTS, SEED, CrashTest, count, main, wait_for

# The short run tries all deaths, and a part of the errors, which differs from run to run.
SHARE = count("THUMBQ_ERROR_SHARE", 6, 1)
ERRORS = ("EIO", "ENOSPC", "EINTR")

# The number of later hits of each point at which the daemon dies, beside the first hit. A plan does
# nothing if the point is hit less often.
LATER_HITS = count("THUMBQ_LATER_HITS", 0, 4)

AT_ONCE = 5

# Points without a call that could fail: the daemon can only die there.
ONLY_CRASH = {"store.commit.before", "store.commit.after"}

EXPIRE = ("[lifecycle old]\nprefix = old/\nexpire = 1s\ntarget = objects\n"
          "expire_confirm = yes\n")
DESTINATION = "[destination]\non_success = successes\n"


class Failpoints(CrashTest):

    def names(self):
        out = subprocess.run([FAILPOINTS], env={**os.environ, "THUMBQ_FAILPOINT": "list"},
                             stdout=subprocess.PIPE, text=True, check=True).stdout
        names = out.split()
        self.assertGreater(len(names), 40)
        return sorted(set(names))

    def prepare(self, rig, name):
        """Makes a bucket that is up to date, and the conditions of the point, for example a file
        that a dead daemon left, or a store that has to be set aside."""
        state = rig.bucket / ".thumbq"
        for i in range(4):
            rig.put(f"a/{i}.png")
        rig.put("a/b/x.png")
        rig.once()
        if name.startswith("compact."):
            self.make_sparse(rig)
        if name.startswith("delete."):
            rig.put("old/x.png")
        if name.startswith("recovery."):
            os.truncate(state / "store/data.mdb", 9000)
        if name.startswith("publish.clean"):
            (rig.bucket / "thumbnails/.thumbq-1-1").write_bytes(b"half done")
        if name.startswith("mark."):
            (state / "mark.key").unlink()
        if name.startswith("owner."):
            (rig.root / "thumbnails/.thumbq.owner").unlink()
        if name.startswith("access.narrow"):  # its thumbnails' folder is open to more
            (rig.bucket / "a").chmod(0o700)
        if name.startswith("control.clean"):
            (state / "control.new").write_bytes(b"")

    def make_sparse(self, rig):
        """Frees most of the store's file."""
        (rig.bucket / "many").mkdir()
        for i in range(1000):
            (rig.bucket / f"many/{i}.txt").write_bytes(b"no picture")
        rig.once()
        shutil.rmtree(rig.bucket / "many")
        rig.once()

    def drive(self, rig, daemon, began):
        """Makes changes of every kind while the daemon runs, which may die at any of them; then
        ends the daemon."""
        bucket = rig.bucket
        wait_for(lambda: rig.log().count("watching") > began or not daemon.is_running(),
                 "the daemon to watch or die", rig.log)
        if daemon.is_running():
            rig.command("sync")  # the folders are watched now: a rename is seen as one
        for i in (1, 2):
            rig.put(f"a/{i}.png")
        os.rename(bucket / "a/3.png", bucket / "a/renamed.png")
        rig.put("c/d/new.png")
        (bucket / "a/b/x.png").unlink()
        (bucket / "a/b").rmdir()
        result = rig.command("sync") if daemon.is_running() else None
        if result and result.returncode == 0:
            # The sweep after the next start removes a thumbnail that could not be removed.
            rig.check(may_have_orphans=True)
        old = bucket / "old/x.png"
        while old.exists() and daemon.is_running():  # until it is a second old, and gone
            rig.command("sweep", "expire")
        if daemon.is_running():
            daemon.terminate()

    def try_point(self, name, what, hit=1):
        """Tries one point. Returns True if the daemon died there."""
        config = CONFIG + DESTINATION
        if name.startswith("store.flush"):
            config += "[bucket]\ndurability = store\n"
        if name.startswith("delete."):
            config += EXPIRE
        if name.startswith("owner."):
            config += f"[bucket]\nprefix = {self.root}/{name}-{what}-{hit}/thumbnails\n"
        if name.startswith("compact."):
            config += "[store]\nevents = 1000\ncompact = 1\n"
        rig = self.rig(f"{name}-{what}-{hit}", config=config)
        self.prepare(rig, name)
        rig.may_be_damaged = name.startswith("recovery.")
        began = rig.log().count("watching")
        plan = f"{name}={what}@{hit}"
        if "-named." in name:
            plan = f"publish.create.before=EOPNOTSUPP,{plan}"
        daemon = rig.start(program=FAILPOINTS, env={"THUMBQ_FAILPOINT": plan})
        self.drive(rig, daemon, began)
        status = daemon.wait()
        if what == "crash":
            self.assertIn(status, (0, -9), rig.log())
        else:
            # No error ends a daemon that runs. Before that, an error may end it.
            started = rig.log().count("watching") > began
            self.assertIn(status, (0,) if started else (0, 74), rig.log())
        if status == -9 and not name.startswith("recovery."):
            rig.check_crashed()
        rig.once()
        rig.check()
        self.check_destinations(rig, what)
        shutil.rmtree(rig.root)
        return status == -9

    def check_destinations(self, rig, what):
        """Checks that each object that is done has a destination record, unless the log reports a
        failed write; and that each record that has a name is whole."""
        told = set()
        for path in (rig.bucket / ".thumbq/successes").glob("*.json"):
            event = json.loads(path.read_text())["requestPayload"]["Records"][0]
            told.add((event["s3"]["object"]["key"], event["s3"]["object"]["size"]))
        done = {(key, (rig.bucket / key).stat().st_size)
                for key in ("a/0.png", "a/1.png", "a/2.png", "c/d/new.png")
                if (rig.bucket / key).exists()}
        if what == "crash" or "cannot write the destination" not in rig.log():
            self.assertEqual(done - told, set(), rig.log())

    def try_all(self, plans):
        """Returns the number of deaths. Several plans run at a time, because they mostly wait. They
        run in processes, not in threads: a child of one thread would inherit a file that another
        thread writes, and the daemon does not read a file that is open for writing."""
        n_died = 0
        with concurrent.futures.ProcessPoolExecutor(AT_ONCE) as executor:
            for (name, what, hit), (died, wrong) in zip(plans, executor.map(play, plans)):
                with self.subTest(f"{name}={what}@{hit}"):
                    n_died += died
                    self.assertIsNone(wrong, wrong)
                    self.assertTrue(died or what != "crash" or hit > 1, "never reached")
        return n_died

    def test_all_points(self):
        names = self.names()
        plans = [(name, what, 1) for number, name in enumerate(names)
                 for turn, what in enumerate(("crash", *ERRORS))
                 if what == "crash" or not (name in ONLY_CRASH or (number + turn + SEED) % SHARE)]
        died = self.try_all(plans)
        print(f"{len(names)} fail points: {died} crashes, {len(plans) - died} errors", flush=True)

    def test_tree_moved_back(self):
        """A folder leaves the bucket, its thumbnails are removed, and the folder comes back while
        no daemon runs. Its files have the same time stamps as before, and so do their records."""
        rig = self.rig()
        for i in range(4):
            rig.put(f"a/{i}.png")
        rig.once()
        daemon = rig.start_watching(program=FAILPOINTS,
                                    env={"THUMBQ_FAILPOINT": "publish.move.after=crash@3"})
        rig.sync()  # every folder is watched now
        os.rename(rig.bucket / "a", rig.bucket / "moved")
        self.assertEqual(daemon.wait(), -9)
        os.rename(rig.bucket / "moved", rig.bucket / "a")
        rig.once()
        rig.check()

    def test_gone_before_it_was_written_down(self):
        """The daemon dies after it has published a thumbnail, and before any record names it. Then
        the object is removed."""
        rig = self.rig()
        rig.put("a/kept.png")
        rig.once()
        daemon = rig.start_watching(program=FAILPOINTS,
                                    env={"THUMBQ_FAILPOINT": "store.commit.before=crash@2"})
        rig.put("a/gone.png")
        self.assertEqual(daemon.wait(), -9)
        (rig.bucket / "a/gone.png").unlink()
        rig.once()
        rig.check()

    @unittest.skipIf(LATER_HITS == 0, "a long run only: THUMBQ_LATER_HITS=N")
    def test_later_hits(self):
        chance = random.Random(SEED)
        plans = [(name, "crash", hit) for name in self.names()
                 for hit in sorted(chance.sample(range(2, 14), LATER_HITS))]
        print(f"{self.try_all(plans)} more crashes", flush=True)


def play(plan):
    """Returns (True if the daemon died, the failure or None)."""
    case = Failpoints()
    case.setUp()
    try:
        return case.try_point(*plan), None
    except AssertionError as error:
        return False, str(error)
    finally:
        case.doCleanups()


if __name__ == "__main__":
    main()
