# SPDX-License-Identifier: Apache-2.0
"""The Containerfile: each of its commands, as far as this machine can run it. With buildah and
THUMBQ_CONTAINER_BASE=IMAGE (a Debian image that exists already) the image is built and run."""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from harness import E2ETest, RED, THUMBQ, main, png  # noqa: E402
from installed import SOURCE, expected_files, needs_real_build, run  # noqa: E402
from others import for_others  # noqa: E402

FILE = SOURCE / "packaging/Containerfile"


def instructions():
    """Returns [(keyword, rest)], with continued lines joined."""
    text = re.sub(r"\\\n\s*", "", FILE.read_text())
    return [tuple(line.split(None, 1)) for line in text.splitlines()
            if line and not line.startswith("#")]


def values(keyword):
    return [rest for word, rest in instructions() if word == keyword]


def listed_packages(text):
    """Returns the names of the packages that it installs."""
    words = re.search(r"apt-get install -y --no-install-recommends (.*?)(?:&&|$)", text)[1].split()
    return {word for word in words if not word.startswith(("/", "-"))}


class Containerfile(E2ETest):

    def test_packages_are_those_that_thumbq_is_built_with(self):
        script = (SOURCE / "scripts/install-deps").read_text()
        build = set(re.search(r"# build\n(.*?)\n\s*#", script, re.DOTALL)[1].split())
        # C++ serves the tests, Python the manual pages, and the rest makes the package.
        self.assertEqual(listed_packages(values("RUN")[0]),
                         build - {"g++"} | {"python3", "dpkg-dev", "file"})

    @unittest.skipUnless(shutil.which("apt-cache"), "no Debian machine")
    def test_packages_exist(self):
        packages = sorted(listed_packages(values("RUN")[0]))
        known = run("apt-cache", "--no-all-versions", "show", *packages)
        self.assertEqual(set(packages) - set(re.findall(r"(?m)^Package: (\S+)", known)), set())

    @needs_real_build
    def test_configures_without_tests(self):
        command = re.search(r"cmake -S .*?(?= &&)", values("RUN")[1])[0]
        build = self.bucket.root / "build"
        command = command.replace("/source", os.fspath(SOURCE)).replace("/build", os.fspath(build))
        run(*shlex.split(command))
        self.assertTrue((build / "CPackConfig.cmake").exists())
        self.assertIn("/build -j", values("RUN")[1])

    def test_what_it_runs(self):
        entry = re.findall(r'"([^"]*)"', values("ENTRYPOINT")[0])
        arguments = re.findall(r'"([^"]*)"', values("CMD")[0])
        self.assertEqual(entry, ["/usr/bin/thumbq"])
        self.assertIn("bin/thumbq", expected_files())
        variable, folder = values("ENV")[0].split("=")
        self.assertEqual(folder, "/photos")
        self.bucket.put("a.png", png(20, 20, RED))
        result = self.bucket.command(*arguments, "--once",
                                     env={variable: os.fspath(self.bucket.path)})
        self.assertEqual(result.status, 0, result.log)
        self.assertTrue(self.bucket.small("a.png").exists())

    def health_check(self):
        """Returns its command, with the arguments for this bucket."""
        words = re.findall(r'"([^"]*)"', values("HEALTHCHECK")[0])
        self.assertEqual(words[0], "/usr/bin/thumbq")
        return self.bucket.command(*words[1:], env={"THUMBQ_BUCKET": os.fspath(self.bucket.path)})

    def test_health_check(self):
        """The container is healthy while a daemon works; not before, not while it stands still, and
        not after it."""
        self.assertEqual(self.health_check().status, 1)
        daemon = self.bucket.start()
        result = self.health_check()
        self.assertEqual((result.status, result.out, result.log), (0, "", ""))
        os.kill(daemon.process.pid, signal.SIGSTOP)
        result = self.bucket.command("sync", "--alive", "--timeout", "200ms", self.bucket.path)
        self.assertEqual(result.status, 1)
        self.assertIn("does not work", result.log)
        os.kill(daemon.process.pid, signal.SIGCONT)
        self.assertEqual(self.health_check().status, 0)
        daemon.stop()
        result = self.health_check()
        self.assertEqual(result.status, 1)
        self.assertIn("no daemon runs", result.log)

    def test_is_not_root(self):
        self.assertEqual(values("USER"), ["thumbq"])
        self.assertIn("u thumbq ", (SOURCE / "packaging/thumbq.sysusers").read_text())
        # USER stands before ENTRYPOINT, and no command of the build runs after it.
        words = [word for word, _rest in instructions()]
        self.assertLess(words.index("USER"), words.index("ENTRYPOINT"))
        self.assertNotIn("RUN", words[words.index("USER"):])

    @unittest.skipUnless(os.geteuid() == 0, "only root can make a root that is read-only")
    def test_read_only_root_without_capabilities(self):
        """Runs like `podman run --read-only --cap-drop all --user`: only the bucket can be
        written."""
        self.bucket.put("a.png", png(20, 20, RED))
        os.chown(self.bucket.path, 12345, 12345)
        bucket = shlex.quote(os.fspath(self.bucket.path))
        script = (f"mount --bind {bucket} {bucket} && mount -o remount,ro,bind / && cd / && "
                  f"if touch /usr/written 2>/dev/null; then exit 99; fi && "
                  "exec setpriv --reuid 12345 --regid 12345 --clear-groups --no-new-privs "
                  f"--bounding-set -all --inh-caps -all {shlex.quote(for_others(THUMBQ))} run --once {bucket}")
        result = self.bucket.run_program(["unshare", "-m", "sh", "-c", script])
        self.assertEqual(result.status, 0, result.log)
        self.assertTrue(self.bucket.small("a.png").exists())
        self.assertEqual(os.stat(self.bucket.small("a.png")).st_uid, 12345)

    def test_copies_what_is_there(self):
        self.assertIn(". /source", values("COPY"))
        ignored = (SOURCE / ".containerignore").read_text().split()
        self.assertIn("build*", ignored)
        self.assertIn("--from=build /build/thumbq_*.deb /tmp/", values("COPY"))

    @unittest.skipUnless(os.environ.get("THUMBQ_CONTAINER_BASE") and shutil.which("buildah"),
                         "needs buildah and THUMBQ_CONTAINER_BASE")
    def test_image(self):
        base = os.environ["THUMBQ_CONTAINER_BASE"]
        image = f"localhost/thumbq-test-{os.getpid()}"
        run("buildah", "bud", "--isolation", "chroot", "--build-arg", f"BASE={base}", "--format", "docker", "-t", image,
            "-f", FILE, SOURCE)
        self.addCleanup(subprocess.run, ["buildah", "rmi", image], stdout=subprocess.DEVNULL)
        container = run("buildah", "from", image).strip()
        self.addCleanup(subprocess.run, ["buildah", "rm", container], stdout=subprocess.DEVNULL)
        config = json.loads(run("buildah", "inspect", "--type", "image", image))["Docker"]["config"]
        self.assertEqual(config["User"], "thumbq")
        self.assertEqual(config["Healthcheck"]["Test"], ["CMD", "/usr/bin/thumbq", "sync", "--alive"])
        self.bucket.put("a.png", png(20, 20, RED))
        os.chown(self.bucket.path, 12345, 12345)

        def inside(*words, user="12345:12345"):
            return run("buildah", "run", "--isolation", "chroot", "--user", user, "--cap-drop", "all",
                       "-v", f"{self.bucket.path}:/photos", container, "--", *words)

        self.assertEqual(inside("id", "-un", user="thumbq").split()[-1], "thumbq")
        inside("thumbq", "run", "--once")
        self.assertEqual(os.stat(self.bucket.small("a.png")).st_uid, 12345)
        # The daemon and its health check run in one container.
        inside("sh", "-c", "thumbq run --quiet & trap 'kill $!; wait' EXIT; "
               "until thumbq sync --alive 2>/dev/null; do sleep 0.1; done")


if __name__ == "__main__":
    main()
