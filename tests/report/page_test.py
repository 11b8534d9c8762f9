"""The report in a real browser: page_test.py VLAQ FOLDER-OF-MODELS CHROMIUM [PICTURES]

Makes a report of real documents about the small policy and looks at it as readers will: phone, screen and paper, light
and dark. With PICTURES screenshots are kept there. Exit code 77: no browser (the test is skipped, visibly).
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from browser import Browser  # noqa: E402

WIDTHS = (360, 600, 800, 1280)
TABLES_FROM = 600  # px; below, each row is a block
MOST_PAGES = 8     # of paper

OUTSIDE = """[...document.querySelectorAll("main *, header *, nav *")]
  .filter(e => !e.closest("thead") && !e.closest("details:not([open])") && e.getClientRects().length && !(e instanceof SVGElement))
  .filter(e => e.getBoundingClientRect().right > WIDTH + 1 || e.getBoundingClientRect().left < -1)
  .map(e => e.tagName + ": " + e.textContent.slice(0, 80))"""
CLIPPED = """[...document.querySelectorAll("svg text")].filter(e => {
    const t = e.getBoundingClientRect(), s = e.closest("svg").getBoundingClientRect();
    return t.left < s.left - 1 || t.right > s.right + 1 || t.top < s.top - 1 || t.bottom > s.bottom + 1;
  }).map(e => e.textContent)"""
SMALL = """[...document.querySelectorAll("svg")]
  .filter(s => 11 * s.getBoundingClientRect().width / 340 < 10).map(s => s.textContent.slice(0, 40))"""
# Contrast of text with the ground that it stands on (WCAG 2.1, 1.4.3); text in shaded cells of a matrix included.
CONTRAST = """(() => {
  const numbers = c => c.match(/[0-9.]+/g).slice(0, 3).map(Number);
  const light = c => { const [r, g, b] = numbers(c).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const ground = getComputedStyle(document.body).backgroundColor;
  const poor = [];
  for (const e of document.querySelectorAll("h1, h2, h3, p, td, th, a, figcaption, summary, span, svg text")) {
    const style = getComputedStyle(e), svg = e instanceof SVGElement;
    const before = e.previousElementSibling;
    let under = ground;
    if (svg && before && (before.getAttribute("class") || "").startsWith("shade")) {
      const text = e.getBoundingClientRect(), cell = before.getBoundingClientRect();
      if (text.left >= cell.left - 3 && text.right <= cell.right + 3) under = getComputedStyle(before).fill;
    }
    const got = ratio(svg ? style.fill : style.color, under);
    if (got < 4.5) poor.push(got.toFixed(2) + " " + e.className + " " + e.textContent.slice(0, 40));
  }
  return poor;
})()"""


def documents(vlaq, models, work):
    """Files of every kind that this build can make."""
    model = pathlib.Path(models)

    def run(*arguments, to=None, may=(0,)):
        made = subprocess.run([vlaq, *map(str, arguments)], capture_output=True, text=True, check=False)
        assert made.returncode in may, f"{arguments}: {made.returncode}\n{made.stderr}"
        if to:
            (work / to).write_text(made.stdout)
            return work / to
        return None

    run("export", model / "best_mini_mobile_vla.pth", "--config", model / "config.json", "--policy", model / "policy.json",
        "--tokenizer", model / "sentencepiece.bpe.model", "--instruction", "go left of the box to the bottle", "-o", work / "policy")
    held_out = model / "held_out"
    files = [
        run("quantize", work / "policy", "--target", "cpu", "--precision", "int8", "-o", work / "int8", "--json", to="quantize.json"),
        run("verify", work / "int8", "--reference", work / "policy", "--episodes", held_out, "--json", to="receipt.json"),
        run("verify", work / "policy", "--against", model / "best_mini_mobile_vla.pth", "--episodes", held_out, "--json", to="policy.json"),
        run("inspect", work / "int8", "--json", to="inspect.json"),
        run("eval", work / "policy", "--episodes", held_out, "--ablation", "all", "--json", to="open_loop.json"),
    ]
    # A test measures on whatever machine it runs: verdicts may be anything, the page must show them.
    for name, more in (("serving", ["--budget", "3", "--profile"]), ("control", ["--protocol", "control", "--duration", "2", "--period", "20"])):
        run("bench", f"whole={work / 'policy'}", f"int8={work / 'int8'}", *more, "-o", work / f"{name}.json", may=(0, 6))
        files.append(work / f"{name}.json")
    driven = subprocess.run([vlaq, "sim", "render", "--policy", str(work / "policy"), "--seed", "5000007", "-o", str(work / "drive")],
                            capture_output=True, text=True, check=False)
    assert driven.returncode in (0, 4), driven.stderr  # 4: a build without the simulator
    return files + sorted((work / "drive").glob("*.json"))


# Tables that are shown and are laid out as something else.
LISTS = """[...document.querySelectorAll("table")].filter(t => t.getClientRects().length && getComputedStyle(t).display != "table").length"""
# The least that a card must say, above the fold of a laptop.
CARDS = """[...document.querySelectorAll(".card")].map(c => [c.querySelector("h3").textContent, c.getBoundingClientRect().bottom, c.textContent])"""


def look(browser, width, scheme, problems):
    browser.size(width, 900)
    browser.media(scheme=scheme)
    where = f"{width} px, {scheme}: "
    if browser.evaluate("document.documentElement.scrollWidth") > width:
        problems.append(where + "scrolls sideways")
    for name, script in (("outside", OUTSIDE), ("clipped in a plot", CLIPPED), ("too small", SMALL), ("poor contrast", CONTRAST)):
        found = browser.evaluate(script.replace("WIDTH", str(width)))
        if found:
            problems.append(f"{where}{name}: {found[:5]}")
    lists = browser.evaluate(LISTS)
    if width >= TABLES_FROM and lists:
        problems.append(f"{where}{lists} tables are lists")
    if width < TABLES_FROM and not lists:
        problems.append(f"{where}tables are no lists where there is no room for tables")


def main(vlaq, models, chromium, pictures=None):
    if not shutil.which(chromium):
        print(f"skipped: no {chromium} (script/setup --test installs it where the system has it)")
        return 77
    problems = []
    with tempfile.TemporaryDirectory(prefix="vlaq-report-") as folder:
        work = pathlib.Path(folder)
        files = documents(vlaq, models, work)
        page = work / "report.html"
        subprocess.run([vlaq, "report", *map(str, files), "-o", str(page)], check=True, stdout=subprocess.DEVNULL)
        browser = Browser(chromium)
        try:
            browser.size(1280, 900)
            browser.open(page.as_uri())
            problems += [f"the page complains: {text}" for text in browser.complaints()]
            names = browser.accessible()
            figures = [name for role, name in names if role in ("image", "img", "graphics-document")]
            drawn = browser.evaluate('document.querySelectorAll("svg").length')
            shown = browser.evaluate('document.querySelectorAll("img").length')
            if len(figures) < drawn + shown or not all(figures):
                problems.append(f"{drawn} plots and {shown} pictures, but these accessible names: {figures}")
            if not browser.evaluate('document.querySelector("h1").textContent').lower().startswith(("verified", "intact")):
                problems.append("the title is not the verdict")
            cards = browser.evaluate(CARDS)
            int8 = next((card for card in cards if card[0] == "int8"), None)
            if not int8 or int8[1] > 900 or not all(word in int8[2] for word in ("erified", "of its source", "ms a step", "m/s", "measured")):
                problems.append(f"the first screen does not say what is known of the INT8 bundle: {cards}")
            if drawn < 8:
                problems.append(f"only {drawn} plots")
            tables = browser.evaluate('[...document.querySelectorAll("figure:not(.picture)")].filter(f => !f.querySelector("details table")).length')
            if tables:
                problems.append(f"{tables} figures without a table")
            for width in WIDTHS:
                for scheme in ("light", "dark"):
                    look(browser, width, scheme, problems)
                    if pictures:
                        browser.screenshot(str(pathlib.Path(pictures) / f"report_{width}_{scheme}.png"))
            # The tables behind the plots, too.
            browser.evaluate('document.querySelectorAll("details").forEach(d => d.open = true)')
            for width in WIDTHS:
                look(browser, width, "light", problems)
            browser.media("print", "dark")
            ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
            if ground != "rgb(255, 255, 255)":
                problems.append(f"paper is {ground}")
            browser.open(page.as_uri())  # as it is before anybody opens anything
            if browser.evaluate(LISTS):
                problems.append("tables are lists on paper")
            paper = browser.pdf()
            sheets = len(re.findall(rb"/Type\s*/Page\b", paper))
            if not 1 <= sheets <= MOST_PAGES:
                problems.append(f"{sheets} pages of paper")
            if pictures:
                (pathlib.Path(pictures) / "report.pdf").write_bytes(paper)
            # This test can fail: the same looks on a page that is wrong in each way.
            browser.media()
            browser.size(360, 900)
            browser.evaluate('document.querySelector("h1").style.cssText = "width:500px;color:#eee"')
            browser.evaluate('document.querySelector("svg text").setAttribute("x", "330"); console.log("hello")')
            expected = []
            look(browser, 360, "light", expected)
            browser.evaluate('document.querySelector("table").style.display = "block"')
            look(browser, 1280, "light", expected)
            seen = " ".join(expected)
            for word in ("sideways", "outside", "clipped", "contrast", "are lists"):
                if word not in seen:
                    problems.append(f"a page that is wrong is not noticed: {word}")
            browser.evaluate("1")
            if not browser.complaints():
                problems.append("what the console says is not heard")
        finally:
            browser.close()
    for problem in problems:
        print(problem)
    print("failed" if problems else "the page is as it should be")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
