# SPDX-License-Identifier: Apache-2.0
"""Names and links of thumbnails: no two objects have one name, and old names are moved."""

import os
import shutil

from harness import RED, E2ETest, main, png
from places import MARK, PlacesTest


class Names(PlacesTest):

    def test_removal_that_fails_is_said(self):
        if os.geteuid() == 0:
            self.skipTest("root may remove everything")
        self.bucket.put("x/a.png", png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        folder = self.bucket.small("x/a.png").parent
        daemon = self.bucket.start()
        self.bucket.sync()
        os.chmod(folder, 0o500)
        (self.bucket.path / "x/a.png").unlink()
        self.bucket.wait_for(lambda: "cannot remove the thumbnail 'small/x/a.png.webp'" in
                             daemon.log(), "a warning")
        os.chmod(folder, 0o700)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.bucket.command("sweep", "orphans", self.bucket.path).status, 0)
        self.check_bucket([])

    def put_one_by_one(self, *names):
        for name in names:
            self.bucket.put(name, png(300, 200, RED))
            self.assertEqual(self.bucket.once().status, 0)

    def test_folder_of_a_thumbnails_name(self):
        self.bucket.configure("[bucket]\nignore = .*\n")
        self.put_one_by_one("victim.jpg.webp/b.png", "victim.jpg", "victim.jpg.webp~/b.png")
        self.check_bucket(["victim.jpg.webp/b.png", "victim.jpg", "victim.jpg.webp~/b.png"])
        shutil.rmtree(self.bucket.path / "victim.jpg.webp")
        self.assertEqual(self.bucket.once().status, 0)
        self.check_bucket(["victim.jpg", "victim.jpg.webp~/b.png"])

    def test_imitation_of_a_cut_name(self):
        victim = "k" * 252
        self.put_one_by_one(victim)
        row, = self.bucket.list()
        names = {os.path.basename(t["path"]).rsplit(".", 1)[0] for t in row["thumbnails"]}
        self.put_one_by_one(*names)
        self.check_bucket([victim, *names])
        for name in names:
            (self.bucket.path / name).unlink()
        self.assertEqual(self.bucket.once().status, 0)
        self.check_bucket([victim])

    def test_folder_renamed_to_and_fro(self):
        daemon = self.bucket.start()
        names = ["a.jpg/x.png", "a.jpg/" + "k" * 252]
        for name in names:
            self.bucket.put(name, png(300, 200, RED))
        self.bucket.sync()
        inode = os.stat(self.bucket.thumbnails / "small/a.jpg~/x.png.webp").st_ino
        os.rename(self.bucket.path / "a.jpg", self.bucket.path / "b")
        self.bucket.wait_record("b/x.png")
        self.bucket.sync()
        self.assertEqual(os.stat(self.bucket.small("b/x.png")).st_ino, inode)
        self.check_bucket([name.replace("a.jpg", "b") for name in names])
        self.assertEqual(daemon.stop(), 0)

    def test_names_of_an_older_version(self):
        """Old thumbnails are moved to their new names, and none is made again."""
        keys = ["a.jpg/x.png", "b.png"]
        for key in keys:
            self.bucket.put(key, png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        for rendition in ("small", "large"):
            folder = self.bucket.thumbnails / rendition
            os.rename(folder / "a.jpg~", folder / "a.jpg")
        for path in self.bucket.thumbnails.rglob("*.png.*"):
            os.setxattr(path, MARK, os.getxattr(path, MARK)[:24])
        (self.bucket.state / "mark.key").unlink()
        self.assertEqual(self.bucket.once("--report").reports, [])
        self.check_bucket(keys)

    def test_other_links(self):
        """A thumbnail with another link is made again when its object moves, because a new
        attribute would also be on the file of the other name."""
        daemon = self.bucket.start()
        self.bucket.put("a.png", png(300, 200, RED))
        self.bucket.sync()
        link = self.bucket.root / "link"
        os.link(self.bucket.small("a.png"), link)
        mark = os.getxattr(link, MARK)
        os.rename(self.bucket.path / "a.png", self.bucket.path / "b.png")
        self.bucket.wait_record("b.png")
        self.bucket.sync()
        self.assertEqual(os.getxattr(link, MARK), mark)
        self.assertNotEqual(os.stat(self.bucket.small("b.png")).st_ino, os.stat(link).st_ino)
        self.check_bucket(["b.png"])
        self.assertEqual(daemon.stop(), 0)


class Collisions(E2ETest):
    """A folder of a user lies in the place of a thumbnail."""

    def test_dead_and_says_why(self):
        taken = self.bucket.thumbnails / "small" / "a.png.webp"
        (taken / "mine").mkdir(parents=True)
        self.bucket.put("a.png", png(20, 20, RED))
        self.assertEqual(self.bucket.once().status, 1)
        row = self.bucket.show("a.png")
        self.assertEqual((row["state"], row["error"]["name"], row["error"]["class"],
                          row["attempts"]), ("dead", "name_taken", "reject", 1))
        self.assertIn("small/a.png.webp", row["error"]["message"])
        (taken / "mine").rmdir()
        taken.rmdir()
        self.bucket.command("dead", "retry", "--bucket", self.bucket.path)
        self.assertEqual(self.bucket.once().status, 0)
        self.check_bucket(["a.png"])


if __name__ == "__main__":
    main()
