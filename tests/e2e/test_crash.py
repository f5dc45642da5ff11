# SPDX-License-Identifier: Apache-2.0
"""The daemon dies at random moments, under load. After the next start the bucket is right."""

import os
import random
import time

from harness import E2ETest, average_colors, is_near, main, png

KILLS = 10
PICTURES = 40


class Crash(E2ETest):

    def setUp(self):
        super().setUp()
        seed = int(os.environ.get("THUMBQ_TEST_SEED", time.time_ns() % 2**32))
        print(f"THUMBQ_TEST_SEED={seed}", flush=True)
        self.random = random.Random(seed)
        self.colors = {}  # the files of the bucket: name -> colour
        self.next = 0

    def put_new(self):
        name = f"{self.random.choice('abc')}/{self.next}.png"
        self.next += 1
        self.overwrite(name)

    def overwrite(self, name):
        self.colors[name] = tuple(self.random.randrange(0, 256, 5) for _ in range(3))
        self.bucket.put(name, png(self.random.randint(50, 300), 120, self.colors[name]))

    def stir(self):
        """Makes one change: a new picture, an overwritten one, a rename, or a removal."""
        act = self.random.random()
        if act < 0.5 or len(self.colors) < PICTURES // 2:
            self.put_new()
            return
        name = self.random.choice(sorted(self.colors))
        path = self.bucket.path / name
        if act < 0.75:
            self.overwrite(name)
        elif act < 0.9:
            other = f"{self.random.choice('abc')}/{self.next}.png"
            self.next += 1
            (self.bucket.path / other).parent.mkdir(exist_ok=True)
            os.rename(path, self.bucket.path / other)
            self.colors[other] = self.colors.pop(name)
        else:
            path.unlink()
            del self.colors[name]

    def check_all(self):
        records = self.check_bucket(self.colors)
        self.assertEqual({row["state"] for row in records.values()}, {"done"})
        names = sorted(self.colors)
        found = average_colors([self.bucket.small(name) for name in names])
        wrong = [(name, color) for name, color in zip(names, found)
                 if not is_near(color, self.colors[name])]
        self.assertEqual(wrong, [], "made from another version")

    def test_killed_while_it_watches(self):
        for _ in range(PICTURES):
            self.put_new()
        for _ in range(KILLS):
            daemon = self.bucket.start()
            for _ in range(self.random.randrange(60)):
                self.stir()
            time.sleep(self.random.uniform(0, 0.1))  # the test tries moments
            daemon.kill()
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        self.check_all()

    def test_killed_while_it_catches_up(self):
        for _ in range(PICTURES):
            self.put_new()
        for _ in range(KILLS):
            for _ in range(10):
                self.stir()
            daemon = self.bucket.start_once()
            time.sleep(self.random.uniform(0, 0.2))  # the test tries moments
            daemon.kill()
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        self.check_all()


if __name__ == "__main__":
    main()
