# SPDX-License-Identifier: Apache-2.0
"""kill -9 ends the daemon, its workers, or both, at random moments, in a loop, under load."""

import os
import shutil
import signal
import time

from rig import CrashTest, count, main

KILLS = count("THUMBQ_KILLS", 24, 300)
LOAD = 25  # changes of the bucket between two kills, at the most
CHECK_EVERY = 6


def kill_one(pids, chance):
    for pid in chance.sample(pids, min(len(pids), 2)):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended by itself meanwhile


class Kill(CrashTest):

    def test_kill(self):
        rig = self.rig()
        chance = rig.random
        for _ in range(40):
            rig.put(rig.new_name())
        daemon = rig.start_watching()
        victims = {"daemon": 0, "workers": 0, "both": 0}
        for number in range(KILLS):
            for _ in range(chance.randrange(1, LOAD)):
                rig.stir()
            time.sleep(chance.uniform(0, 0.15))  # the test tries moments
            victim = chance.choice(list(victims))
            victims[victim] += 1
            if victim != "daemon":
                kill_one(daemon.family(), chance)
            if victim != "workers":
                daemon.kill()
                rig.check_crashed()
                for _ in range(chance.randrange(8)):
                    rig.stir()
                daemon = rig.start_watching()
            if number % CHECK_EVERY == 0:
                rig.sync()
                rig.check()
            if number % 50 == 49:
                shutil.rmtree(rig.bucket / "a", ignore_errors=True)  # keeps the bucket small
        rig.sync()
        self.assertEqual(daemon.terminate(), 0)
        rig.once()
        rig.check()
        print(f"{KILLS} kills survived: {victims}", flush=True)


if __name__ == "__main__":
    main()
