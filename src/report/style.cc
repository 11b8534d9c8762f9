#include "report/style.h"

namespace vlaq::report {

// Colors: eight for series that differ for the color-blind (and by dashes), three for verdicts; all have a contrast
// of at least 3 to 1 with their ground, text 4.5 to 1. Below 600 px tables become a block per row: every cell then says
// its column, by its attribute data-label. On paper nothing is shown that is folded away on a screen.
std::string_view StyleSheet() {
  return R"css(
:root{color-scheme:light dark;--ground:#fff;--text:#1c2126;--soft:#57606a;--line:#d0d7de;--panel:#f6f8fa;
--good:#116329;--warning:#7d4e00;--bad:#a40e26;--s0:#0b62a8;--s1:#b34700;--s2:#1a7f37;--s3:#8250df;--s4:#a4377c;
--s5:#6e5400;--s6:#0f7684;--s7:#57606a;--shade1:#dbe9f6;--shade2:#b3d1ea;--shade3:#6aaed6;--shade4:#2c7fb8;--shade5:#0b4f8a}
@media (prefers-color-scheme:dark){:root{--ground:#0f1418;--text:#e2e8ee;--soft:#9aa7b4;--line:#38424d;--panel:#171e24;
--good:#56d364;--warning:#e3b341;--bad:#ff8182;--s0:#6cb6ff;--s1:#f69d50;--s2:#57ab5a;--s3:#b98eff;--s4:#e275ad;
--s5:#c9a94b;--s6:#4ac1cf;--s7:#9aa7b4;--shade1:#12324f;--shade2:#174a78;--shade3:#1f6bad;--shade4:#4a9ade;--shade5:#9bcbf5}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1100px;padding:16px;background:var(--ground);color:var(--text);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;overflow-wrap:break-word}
h1{font-size:1.6rem;line-height:1.2;margin:.2em 0}h2{font-size:1.25rem;margin:2em 0 .6em;border-bottom:1px solid var(--line)}
.subtitle{color:var(--soft);margin:2em 0 0;font-size:.875rem}
nav ul{display:flex;flex-wrap:wrap;gap:.2em 1.2em;list-style:none;padding:0;margin:1em 0}a{color:var(--s0)}
.headline{margin:.3em 0;max-width:75em}h1.bad{color:var(--bad)}h1.warning{color:var(--warning)}h1.good{color:var(--good)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,250px),1fr));gap:12px}
.card{border:1px solid var(--line);border-top:4px solid var(--soft);border-radius:4px;background:var(--panel);padding:.5em .8em;min-width:0}
.card.good{border-top-color:var(--good)}.card.warning{border-top-color:var(--warning)}.card.bad{border-top-color:var(--bad)}
.card.good,.card.warning,.card.bad{color:var(--text);font-weight:400}
.card h3{margin:0;font-size:1.1rem}.card p{margin:.1em 0 .4em}
.card dl{display:grid;grid-template-columns:auto minmax(0,1fr);gap:.1em .8em;margin:0;font-size:.875rem}.card dt{color:var(--soft)}.card dd{margin:0}
table{border-collapse:collapse;margin:.5em 0 1em;font-size:.875rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);padding:.2em 0}
th,td{padding:.3em .7em .3em 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
thead th,tbody th{font-weight:600}.number{text-align:right}.short{white-space:nowrap}.long{overflow-wrap:anywhere}
.good{color:var(--good);font-weight:600}.warning{color:var(--warning);font-weight:600}.bad{color:var(--bad);font-weight:600}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:24px 32px}
figure{margin:0 0 1em;min-width:0}figcaption{margin-top:.3em;color:var(--soft);font-size:.875rem}
figure h3{font-size:1rem;margin:.2em 0}figure.alone h3{grid-column:1/-1}
svg{display:block;width:100%;max-width:480px;height:auto;font:11px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
svg text{fill:var(--text);paint-order:stroke;stroke:var(--ground);stroke-width:3px;stroke-linejoin:round}svg .title{fill:var(--soft)}svg .on-dark{fill:var(--ground);stroke:none}svg .limit-text{fill:var(--bad)}
.grid{stroke:var(--line);stroke-width:.6}.axis{stroke:var(--soft);stroke-width:1}.whisker{stroke:var(--text);stroke-width:1.4}
.limit{stroke:var(--bad);stroke-width:1.2;stroke-dasharray:5 3}
.s0{--c:var(--s0)}.s1{--c:var(--s1)}.s2{--c:var(--s2)}.s3{--c:var(--s3)}.s4{--c:var(--s4)}.s5{--c:var(--s5)}.s6{--c:var(--s6)}.s7{--c:var(--s7)}
.line{stroke:var(--c);stroke-width:1.8;fill:none}.fill,.dot{fill:var(--c)}
.beyond{--c:var(--bad)}
.line.s1{stroke-dasharray:6 2}.line.s2{stroke-dasharray:2 2}.line.s3{stroke-dasharray:8 2 2 2}.line.s5{stroke-dasharray:6 2}
.line.s6{stroke-dasharray:2 2}.line.s7{stroke-dasharray:8 2 2 2}
.shade0{fill:var(--panel)}.shade1{fill:var(--shade1)}.shade2{fill:var(--shade2)}.shade3{fill:var(--shade3)}
.shade4{fill:var(--shade4)}.shade5{fill:var(--shade5)}
.floor{fill:var(--panel)}.obstacle{fill:#3c3c3c;stroke:var(--soft)}.start{fill:none;stroke:var(--text);stroke-width:1.6}.goal{fill:none;stroke:var(--s2);stroke-dasharray:3 2}.goal-middle{fill:var(--s2)}
.way{fill:none;stroke-width:1.6}.way.good{stroke:var(--good)}.way.bad{stroke:var(--bad)}
.step{fill:var(--text)}.step.lost{fill:var(--ground);stroke:var(--text)}
img{max-width:100%;height:auto;border:1px solid var(--line)}
details{font-size:.875rem;margin:.2em 0}
summary{cursor:pointer;color:var(--soft)}
@media (min-width:1001px){figure.alone{display:grid;grid-template-columns:minmax(0,480px) minmax(0,1fr);gap:0 32px;align-items:start}}
@media (max-width:1000px){body{padding:12px}.short,.number{white-space:normal}th,td{padding-right:.5em}}
@media (max-width:800px){table{font-size:.8125rem}}
@media screen and (max-width:599px){nav{display:none}h2{margin-top:1.2em}table,caption,tbody,tr,td,tbody th{display:block}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{border-bottom:1px solid var(--line);padding:.4em 0}td,tbody th{border:0;padding:.05em 0;overflow-wrap:anywhere}
.number{text-align:left}td::before{content:attr(data-label) ": ";color:var(--soft);font-weight:400}}
@media print{:root{color-scheme:light;--ground:#fff;--text:#000;--soft:#444;--line:#bbb;--panel:#f4f4f4;--good:#0a4d1c;--warning:#5c3a00;
--bad:#8a0a1e;--s0:#0b62a8;--s1:#b34700;--s2:#1a7f37;--s3:#8250df;--s4:#a4377c;--s5:#6e5400;--s6:#0f7684;--s7:#57606a;
--shade1:#dbe9f6;--shade2:#b3d1ea;--shade3:#6aaed6;--shade4:#2c7fb8;--shade5:#0b4f8a}
body{max-width:none;font-size:8.5pt;line-height:1.35;padding:0}h1{font-size:15pt}h2{font-size:11pt;margin:.8em 0 .3em}figure h3,.card h3{font-size:9pt}p{margin:.4em 0}figure{margin-bottom:.3em}nav,details:not([open]),.folded,section:has(#settings){display:none}
table{font-size:7.5pt;margin:.3em 0 .6em}caption,.card dl,figcaption,details{font-size:7.5pt}.short,.number{white-space:normal}summary{display:none}
.cards{grid-template-columns:repeat(3,minmax(0,1fr))}.card{padding:.3em .6em}
figure,tr,.card{break-inside:avoid}h2,h3{break-after:avoid}.figures{grid-template-columns:1fr 1fr;gap:8px 16px}svg{max-width:6.8cm}img{max-height:7cm}
figure.alone{display:grid;grid-template-columns:6.8cm minmax(0,1fr);grid-column:1/-1;gap:0 16px;align-items:start}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
)css";
}

}  // namespace vlaq::report
