"""Takes the pictures of the book from what the tutorial has made: run in its folder, while its predictor answers."""

import os
import pathlib
import shutil
import subprocess
import sys

from browser import Page


def main(images):
    here = pathlib.Path.cwd()
    shutil.copy(next(here.glob("outputs/*/*/validation.png")), images / "validation.png")
    shutil.copy(here / "evaluation/evaluation.png", images / "evaluation.png")
    tile = sorted((here / "data/test").glob("*.png"))[0]
    subprocess.run(["curl", "-fsS", "-F", f"data=@{tile}", "-o", str(images / "overlay.png"),
                    f"{address()}/predict-img/?output=overlay&legend=true"], check=True)
    with Page(1180, 760) as page:
        page.open(f"{address()}/")
        page.choose_file("#file", tile)
        page.wait("!document.querySelector('#result').hidden && document.querySelector('#busy').hidden")
        page.picture(images / "viewer.png")
    # The report of the run that has drifted is the last.
    report = max((here / "reports").rglob("*.html"), key=lambda path: path.stat().st_mtime)
    with Page(1000, 900) as page:
        page.open(report.as_uri())
        page.picture(images / "drift-report.png")


def address():
    return f"http://{os.environ['HOST']}:{os.environ['PORT']}"


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
