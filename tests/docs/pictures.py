"""Takes the pictures of the book from what the tutorial has made: run in its folder, while its predictor answers."""

import os
import pathlib
import subprocess
import sys

from browser import Page


def main(images):
    here = pathlib.Path.cwd()
    first_rows(next(here.glob("outputs/*/*/validation.png")), images / "validation.jpg")
    first_rows(here / "evaluation/evaluation.png", images / "evaluation.jpg")
    tile = sorted((here / "data/test").glob("*.png"))[0]
    subprocess.run(["curl", "-fsS", "-F", f"data=@{tile}", "-o", str(images / "overlay.png"),
                    f"{address()}/predict-img/?output=overlay&legend=true"], check=True)
    with Page(1180, 760) as page:
        page.open(f"{address()}/")
        page.choose_file("#file", tile)
        page.wait("!document.querySelector('#result').hidden && document.querySelector('#busy').hidden")
        # Without the ring around what the keyboard acts on.
        page.run("document.activeElement.blur()")
        page.picture(images / "viewer.jpg")
    # The report of the run that has drifted is the last.
    first, *_, last = sorted((here / "reports").rglob("*.html"), key=lambda path: path.stat().st_mtime)
    with Page(1120, 980, scale=1) as page:
        page.open(last.as_uri())
        page.picture(images / "drift-report.png")
    with Page(1120, 1090, scale=1) as page:
        page.open(first.as_uri())
        page.run("document.querySelector('#quality').scrollIntoView()")
        page.picture(images / "drift-images.jpg")


def first_rows(sheet, picture):
    """The first three tiles of a sheet, as JPEG: tissue takes much space as PNG."""
    with Page(704, 704, scale=1) as page:
        page.open(sheet.as_uri())
        page.run("document.body.style.background = 'white'; document.images[0].style = 'position: absolute; left: 0; top: 0; width: 704px; height: auto'")
        page.picture(picture)


def address():
    return f"http://{os.environ['HOST']}:{os.environ['PORT']}"


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
