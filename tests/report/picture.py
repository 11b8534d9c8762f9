"""The first screen of a report as a picture: picture.py REPORT.html PICTURE.png, for README.md (docs/report.png is of build/demo/report.html)."""

import base64
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from browser import Browser  # noqa: E402

WIDTH = 960


def main(report, picture):
    browser = Browser("chromium")
    try:
        browser.size(WIDTH, 800)
        browser.open(pathlib.Path(report).resolve().as_uri())
        browser.evaluate('document.querySelector("nav").remove()')
        # Down to the end of the table that compares policies, or of the cards.
        end = browser.evaluate('[...document.querySelectorAll(".cards, .cards + table")].pop().getBoundingClientRect().bottom')
        shot = browser.send("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": end + 12, "scale": 1})
        pathlib.Path(picture).write_bytes(base64.b64decode(shot["data"]))
    finally:
        browser.close()


main(*sys.argv[1:])
