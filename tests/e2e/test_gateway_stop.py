# SPDX-License-Identifier: Apache-2.0
"""The end of a gateway: running requests may end, waiting copies do not begin."""

import signal
import threading
import unittest

from gateway import FAR_S, ClientError, Gateway, S3Test, boto3
from harness import main, wait_for
from test_gateway_config import ConfigTest

# One key may use two of the threads for copies.
AT_ONCE = 2
COPIES = 4


def size_of(path):
    """The size of a copy; 0: it has ended meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@unittest.skipUnless(boto3, "needs python3-boto3")
class Stop(ConfigTest):

    def begin_copies(self, size):
        """A gateway with two copies that run and two that wait; their threads and outcomes."""
        photos = self.root / "buckets/photos"
        with open(photos / "large", "wb") as large:
            large.truncate(size)
        gateway = Gateway(self.root)
        self.addCleanup(gateway.log.close)
        self.addCleanup(gateway.process.wait, FAR_S)
        self.addCleanup(gateway.process.kill)
        outcomes = {}

        def copy(name, s3):
            try:
                s3.copy_object(Bucket="photos", Key=name, CopySource="photos/large")
                outcomes[name] = 200
            except ClientError as error:
                outcomes[name] = error.response["ResponseMetadata"]["HTTPStatusCode"]
            except Exception as error:  # The connection was cut: the kind of error varies.
                outcomes[name] = type(error).__name__

        clients = [S3Test.client(self.key, gateway=gateway, read_timeout=FAR_S)
                   for _ in range(COPIES)]
        threads = [threading.Thread(target=copy, args=(f"copy-{i}", s3))
                   for i, s3 in enumerate(clients)]
        for thread in threads:
            thread.start()
            self.addCleanup(thread.join)
        uploads = photos / ".thumbq-uploads"
        wait_for(lambda: len(list(uploads.glob("*"))) == COPIES, "all copies have come", gateway.text)
        wait_for(lambda: len([path for path in uploads.glob("*") if size_of(path)]) == AT_ONCE,
                 "two of them run", gateway.text)
        return gateway, threads, outcomes

    def test_waiting_copies(self):
        """The gateway refuses new requests with 503 when it stops; those that run come to their end."""
        gateway, threads, outcomes = self.begin_copies(1 << 30)
        gateway.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        self.assertEqual(gateway.process.wait(FAR_S), 0, gateway.text())
        # A slow disk needs more than the time that the gateway grants to the copies that run.
        self.assertEqual(list(outcomes.values()).count(503), COPIES - AT_ONCE, gateway.text())

    def test_at_once(self):
        """A second signal ends copies that run, too: none of them appears."""
        gateway, threads, outcomes = self.begin_copies(2 << 30)
        gateway.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "stopping when the running requests have ended" in gateway.text(), "a stop")
        gateway.process.send_signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(FAR_S), 0, gateway.text())
        for thread in threads:
            thread.join()
        self.assertNotIn(200, outcomes.values())
        photos = self.root / "buckets/photos"
        self.assertEqual(sorted(path.name for path in photos.iterdir()), [".thumbq-uploads", "large"])
        self.assertEqual(list((photos / ".thumbq-uploads").iterdir()), [])


if __name__ == "__main__":
    main()
