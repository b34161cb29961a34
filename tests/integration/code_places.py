"""A caller's project whose functions run in an image: a folder with other packages, or none."""

from textwrap import dedent

ELSEWHERE = """
    import subprocess

    def elsewhere(argv):
        "A Shell whose commands run in another folder, and find other packages."
        image = os.environ["IMAGE"]
        python = os.environ.get("PYTHON_OF_IMAGE", argv[0])
        environment = {**os.environ, "PYTHONPATH": image}
        subprocess.run([python, "-P", *argv[1:]], check=True, cwd=image, env=environment, stdin=subprocess.DEVNULL)

    runner = MemoizingPicklingRunner(elsewhere, root, code="tree")
"""


class Places:
    """The caller's project, and the image in which his functions run."""

    def __init__(self, project):
        self.project = project
        self.image = project.folder.parent / "image"
        self.image.mkdir()
        project.write("elsewhere.py", ELSEWHERE)

    def caller(self, name, text=""):
        """Write a file of the caller's."""
        return write(self.project.folder / name, text)

    def read(self, name):
        """What is in a file of the caller's."""
        return (self.project.folder / name).read_text()

    def installed(self, name, text=""):
        """Write a file of the image."""
        return write(self.image / name, text)

    def run(self, text, *, check=True, **environment):
        """A program of the caller's; what it prints, and its errors."""
        path = self.project.write("script.py", "from elsewhere import runner, elsewhere\n" + dedent(text))
        environment = self.project.environment(IMAGE=str(self.image), **environment)
        done = self.project.run(path, check=check, env=environment)
        return done.stdout, done.stderr

    def trees(self):
        """The blobs of the root."""
        return [path for path in self.project.root.glob("mops1/blob/*/*") if path.is_file()]

    def write_package(self):
        """A package of the caller's with a function, and another version of it in the image."""
        self.caller("pkg/__init__.py")
        self.caller(
            "pkg/work.py",
            """
            import json, settings as scales
            from pkg.parts import half
            def work(x):
                return half(x) * scales.SCALE
            """,
        )
        self.caller("pkg/parts.py", "def half(x): return x / 2")
        self.caller("settings.py", "SCALE = 10")
        self.installed("pkg/__init__.py", "raise RuntimeError('the package of the image was imported')")
        self.installed("settings.py", "SCALE = 99")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))
    return path


CALL = "from pkg.work import work\nprint(use_runner(runner)(work)(3))"
REPORT = """
    from pkg.work import work
    try:
        print(use_runner(runner)(work)(1))
    except Exception as error:
        import traceback
        print("".join(traceback.format_exception(error)))
        print(type(error).__name__)
"""
