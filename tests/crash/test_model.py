# SPDX-License-Identifier: Apache-2.0
"""Random sequences of changes by people, daemons and crashes, compared with a model of the bucket.
A failing sequence prints its seed: THUMBQ_TEST_SEED=<seed> THUMBQ_SEQUENCES=1 plays it again."""

import concurrent.futures
import json
import os
import random
import shutil
import tempfile
import unittest

from rig import SEED, Rig, checker, count, main, picture

SEQUENCES = count("THUMBQ_SEQUENCES", 40, 2000)
STEPS = 18
AT_ONCE = 4

FOLDERS = ["", "a", "a/b", "c", "c/d/e"]


class Player:
    """Plays one sequence. The model is {name: version} of the files in the bucket."""

    def __init__(self, rig, seed):
        self.rig, self.chance, self.model = rig, random.Random(seed), {}
        self.outside = rig.root / "outside"
        self.outside.mkdir()
        self.away = {}  # the model of the trees outside
        self.daemon = None
        self.told = []

    def some(self):
        return self.chance.choice(sorted(self.model)) if self.model else None

    def place(self):
        folder = self.chance.choice(FOLDERS)
        return os.path.join(folder, f"{self.chance.randrange(6)}.png")

    def write(self, name):
        self.rig.version += 1
        path = self.rig.bucket / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(self.rig.version))
        self.model[name] = self.rig.version

    def create(self):
        for _ in range(self.chance.randrange(1, 4)):
            self.write(self.place())

    def overwrite(self):
        if name := self.some():
            self.write(name)

    def replace(self):
        """Replaces a file as an editor does: it writes a new file and renames it over the old
        one."""
        if name := self.some():
            self.rig.version += 1
            temporary = self.rig.bucket / ".new"
            temporary.write_bytes(picture(self.rig.version))
            os.rename(temporary, self.rig.bucket / name)
            self.model[name] = self.rig.version

    def rename(self):
        name, to = self.some(), self.place()
        if name and name != to:
            (self.rig.bucket / to).parent.mkdir(parents=True, exist_ok=True)
            os.rename(self.rig.bucket / name, self.rig.bucket / to)
            self.model[to] = self.model.pop(name)

    def delete(self):
        if name := self.some():
            (self.rig.bucket / name).unlink()
            del self.model[name]

    def below(self, tree):
        return [name for name in self.model if name.startswith(tree + "/")]

    def move_tree(self):
        tree, to = self.chance.sample(["a", "a/b", "c", "c/d", "f", "g/h"], 2)
        source, target = self.rig.bucket / tree, self.rig.bucket / to
        if not source.is_dir() or target.exists() or f"{to}/".startswith(f"{tree}/"):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(source, target)
        for name in self.below(tree):
            self.model[to + name[len(tree):]] = self.model.pop(name)

    def take_out(self):
        """Moves a tree out of the bucket; `put_back` moves it in again, with the same time
        stamps."""
        tree = self.chance.choice(["a", "c"])
        if (self.rig.bucket / tree).is_dir() and not (self.outside / tree).exists():
            os.rename(self.rig.bucket / tree, self.outside / tree)
            self.away.update({name: self.model.pop(name) for name in self.below(tree)})

    def put_back(self):
        for tree in ("a", "c"):
            if (self.outside / tree).exists() and not (self.rig.bucket / tree).exists():
                os.rename(self.outside / tree, self.rig.bucket / tree)
                back = [name for name in self.away if name.startswith(tree + "/")]
                self.model.update({name: self.away.pop(name) for name in back})

    def delete_tree(self):
        tree = self.chance.choice(["a/b", "c/d", "f"])
        shutil.rmtree(self.rig.bucket / tree, ignore_errors=True)
        for name in self.below(tree):
            del self.model[name]

    def lose_thumbnails(self):
        """Removes the thumbnails, and the store with them: thumbq makes all of them again."""
        if not self.daemon:
            shutil.rmtree(self.rig.bucket / "thumbnails", ignore_errors=True)
            shutil.rmtree(self.rig.bucket / ".thumbq/store", ignore_errors=True)

    def crash(self):
        if self.daemon:
            self.daemon.kill()
            self.daemon = None
            self.rig.check_crashed()

    def stop(self):
        if self.daemon and self.daemon.terminate() != 0:
            raise AssertionError("the daemon does not exit with 0")
        self.daemon = None

    def start(self):
        if not self.daemon:
            self.daemon = self.rig.start_watching()

    def sync(self):
        if self.daemon:
            self.rig.sync()
            self.compare()

    def reprocess(self):
        """Submits a job to the daemon, or leaves it to the next one."""
        if (self.rig.bucket / ".thumbq/store").exists():
            prefix = self.chance.choice(["", "a", "c/"])
            result = self.rig.command("reprocess", "--detach", "--prefix", prefix)
            if result.returncode != 0:
                raise AssertionError(f"reprocess exits {result.returncode}: {result.stdout}")

    def compare(self):
        if not self.model:
            return  # a bucket that looks empty is no mass delete: its records stay
        self.rig.check()
        self.check_jobs()
        if set(self.rig.files()) != set(self.model):
            raise AssertionError(f"the model is wrong: {self.model}")
        for name, version in self.model.items():
            for rendition in "ab":
                path = self.rig.bucket / f"thumbnails/{rendition}/{name}.png"
                if checker.color(path)[2] != (version * 2654435761 % 2**24).to_bytes(3, "big"):
                    raise AssertionError(f"{path} is not made of version {version}")

    def check_jobs(self):
        """Checks that all jobs have ended, and that each object of a job has been counted."""
        for line in self.rig.command("reprocess", "list", "--json").stdout.splitlines():
            job = json.loads(line)
            if job["state"] != "SUCCEEDED" or job["failed"] > 0 or not (
                    job["total"] == job["queued"] == job["done"] + job["gone"]):
                raise AssertionError(f"what became of a job: {line}")

    def play(self):
        steps = [self.create] * 4 + [self.overwrite] * 2 + [self.rename] * 2 + [self.start] * 4 + [
            self.replace, self.delete, self.move_tree, self.move_tree, self.take_out, self.put_back,
            self.put_back, self.delete_tree, self.crash, self.crash, self.stop, self.sync,
            self.lose_thumbnails, self.reprocess, self.reprocess]
        for _ in range(STEPS):
            step = self.chance.choice(steps)
            self.told.append(step.__name__)
            step()
        if not self.model:
            self.create()
        self.start()
        self.sync()
        self.stop()


def play(seed):
    """Plays a sequence in a folder of its own. Returns the failure, or None."""
    with tempfile.TemporaryDirectory(prefix="thumbq-model-") as root:
        rig = Rig(root)
        player = Player(rig, seed)
        try:
            player.play()
        except Exception as error:
            return (f"sequence {seed} fails: {' '.join(player.told)}\nreplay: "
                    f"THUMBQ_TEST_SEED={seed} THUMBQ_SEQUENCES=1\n{error}")
        finally:
            rig.close()
    return None


class Model(unittest.TestCase):

    def test_sequences(self):
        # The sequences run in processes, not in threads: a child of one thread would inherit a file
        # that another thread writes, and the daemon does not read a file that is open for writing.
        seeds = range(SEED, SEED + SEQUENCES)
        with concurrent.futures.ProcessPoolExecutor(AT_ONCE) as executor:
            for seed, wrong in zip(seeds, executor.map(play, seeds)):
                with self.subTest(seed=seed):
                    self.assertIsNone(wrong, wrong)
        print(f"{SEQUENCES} sequences", flush=True)


if __name__ == "__main__":
    main()
