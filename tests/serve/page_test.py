"""The page of `vlaq serve --ui` in a real browser: page_test.py VLAQ BUNDLE CHROMIUM [PICTURE]

It shows the picture, the action and its latency, the stop button stops, and nothing is asked for elsewhere. With PICTURE
a screenshot is kept there. Exit code 77: no browser (the test is skipped, visibly).
"""

import base64
import pathlib
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "report"))
from browser import Browser  # noqa: E402
from server import Server  # noqa: E402

WIDTH, HEIGHT = 16, 12
PATIENCE_S = 20


def until(browser, script, wanted):
    end = time.monotonic() + PATIENCE_S
    while (found := browser.evaluate(script)) != wanted:
        if time.monotonic() > end:
            raise AssertionError(f"{script} is {found!r}, not {wanted!r}")
        time.sleep(0.05)


def main(vlaq, bundle, chromium, picture=None):
    if not shutil.which(chromium):
        print("skipped: no", chromium)
        return 77
    with Server(vlaq, bundle, "--ui") as server:
        pixels = bytes(range(256))[:192] * 3
        frame = {"shape": [HEIGHT, WIDTH, 3], "data": base64.b64encode(pixels).decode()}
        assert server.ask("/predict", {"image": frame})[0] == 200
        browser = Browser(chromium)
        try:
            origin = f"http://127.0.0.1:{server.port}/"
            browser.open(origin)
            until(browser, "document.getElementById('state').textContent", "serving")
            until(browser, "document.getElementById('camera').naturalWidth", WIDTH)
            assert browser.evaluate("document.querySelectorAll('#action tr').length") == 2
            assert browser.evaluate("document.getElementById('arrow').getBoundingClientRect().width > 50") is True
            assert "ms" in browser.evaluate("document.getElementById('facts').textContent")
            assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth") is True
            if picture:
                browser.screenshot(picture)
            browser.evaluate("document.getElementById('stop').click()")
            until(browser, "document.getElementById('resume').hidden", False)
            assert server.ask("/predict", {"image": frame})[0] == 503
            browser.evaluate("document.getElementById('resume').click()")
            until(browser, "document.getElementById('state').textContent", "serving")
            assert server.ask("/predict", {"image": frame})[0] == 200
            said = [text for text in browser.complaints() if not text.startswith((f"asked for {origin}", f"asked for blob:{origin}"))]
            assert not said, said
        finally:
            browser.close()
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
