"""The Containerfile: each of its commands, as far as this machine can try it. With buildah and
THUMBQ_CONTAINER_BASE=IMAGE (a Debian that is there already) the image is built and run."""

import os
import re
import shlex
import shutil
import subprocess
import unittest

from harness import E2ETest, RED, main, png
from installed import SOURCE, expected_files, needs_real_build, run

FILE = SOURCE / "packaging/Containerfile"


def instructions():
    """[(keyword, rest)] with lines that go on put together."""
    text = re.sub(r"\\\n\s*", "", FILE.read_text())
    return [tuple(line.split(None, 1)) for line in text.splitlines()
            if line and not line.startswith("#")]


def values(keyword):
    return [rest for word, rest in instructions() if word == keyword]


def listed_packages(text):
    """What is installed by name."""
    words = re.search(r"apt-get install -y --no-install-recommends (.*?)(?:&&|$)", text)[1].split()
    return {word for word in words if not word.startswith(("/", "-"))}


class Containerfile(E2ETest):

    def test_packages_are_those_that_thumbq_is_built_with(self):
        script = (SOURCE / "scripts/install-deps").read_text()
        build = set(re.search(r"# build\n(.*?)\n\s*#", script, re.DOTALL)[1].split())
        # C++ is for the tests; Python for the manual pages, the rest to make the package.
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
        run("buildah", "bud", "--isolation", "chroot", "--build-arg", f"BASE={base}", "-t", image,
            "-f", FILE, SOURCE)
        self.addCleanup(subprocess.run, ["buildah", "rmi", image], stdout=subprocess.DEVNULL)
        container = run("buildah", "from", image).strip()
        self.addCleanup(subprocess.run, ["buildah", "rm", container], stdout=subprocess.DEVNULL)
        self.bucket.put("a.png", png(20, 20, RED))
        run("buildah", "run", "--isolation", "chroot", "-v", f"{self.bucket.path}:/photos",
            container, "--", "thumbq", "run", "--once")
        self.assertTrue(self.bucket.small("a.png").exists())


if __name__ == "__main__":
    main()
