# SPDX-License-Identifier: Apache-2.0
"""The test case of places: a bucket with extended attributes, and other buckets beside it."""

import os

from harness import Bucket, E2ETest

MARK = "user.thumbq"


def has_attributes(folder):
    try:
        os.setxattr(folder, "user.test", b"x")
    except OSError:
        return False
    return True


class PlacesTest(E2ETest):

    def setUp(self):
        super().setUp()
        if not has_attributes(self.bucket.root):
            self.skipTest(f"{self.bucket.root} has no extended attributes")

    def other_bucket(self, path):
        """Makes a bucket at another place."""
        return Bucket(self.bucket.root, path)

    def states(self, bucket=None):
        """Returns {name: state, or the error's name}."""
        return {row["name"]: row["error"]["name"] if row["error"] else row["state"]
                for row in (bucket or self.bucket).list()}
