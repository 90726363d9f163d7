/** The page's style: system fonts, two palettes, a column on a phone, and paper. */
export const style = `
:root { color-scheme: light dark; --page: #f6f7f9; --card: #ffffff; --text: #17202b; --muted: #566273; --line: #dde2e9;
  --accent: #2457c5; --good: #177245; --good-soft: #e3f4ea; --attention: #8a5300; --attention-soft: #fdf0d7;
  --bad: #b3261e; --bad-soft: #fce8e6; --code: #eef1f5; }
@media (prefers-color-scheme: dark) { :root { --page: #0f141b; --card: #19212b; --text: #e6ebf2; --muted: #9dabbd; --line: #2c3846;
  --accent: #82adff; --good: #67d699; --good-soft: #143524; --attention: #f2bd5e; --attention-soft: #3a2b10;
  --bad: #ff938a; --bad-soft: #43201d; --code: #242f3c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main, body > header, footer { max-width: 1160px; margin: 0 auto; padding: 0 20px; }
body > header { padding-top: 32px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 1.4rem; margin: 0; line-height: 1.25; overflow-wrap: anywhere; }
h3 { font-size: 1.02rem; margin: 32px 0 10px; }
p { margin: 0; }
.quiet { color: var(--muted); font-size: 0.9rem; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -999px; } .skip:focus { left: 12px; top: 12px; background: var(--card); padding: 8px 12px; z-index: 1; }
code { background: var(--code); border-radius: 4px; padding: 1px 5px; font: 0.86em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.badge { display: inline-flex; align-items: center; gap: 6px; border-radius: 999px; padding: 2px 10px 2px 8px; font-size: 0.82rem; font-weight: 600; white-space: nowrap; }
.badge::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: currentColor; }
.good { color: var(--good); } .attention { color: var(--attention); } .bad { color: var(--bad); }
.badge.good { background: var(--good-soft); } .badge.attention { background: var(--attention-soft); } .badge.bad { background: var(--bad-soft); }
.badge.none { background: var(--code); color: var(--muted); }
.products { list-style: none; margin: 24px 0 0; padding: 0; display: grid; gap: 14px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); }
.products a { display: block; height: 100%; background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px 18px; color: inherit; text-decoration: none; }
.products a:hover { border-color: var(--accent); }
.products strong { font-size: 1.1rem; overflow-wrap: anywhere; }
.products .top { display: flex; justify-content: space-between; gap: 10px; align-items: start; margin-bottom: 6px; }
.say { display: block; } .say::first-letter { text-transform: uppercase; }
section.product { margin-top: 36px; background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 24px 26px 28px; }
section.product > .top { display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: center; margin-bottom: 4px; }
.tiles { display: grid; gap: 14px; margin-top: 20px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 260px), 1fr)); }
.tile { border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; min-width: 0; }
.tile h3 { margin: 0; font-size: 0.86rem; font-weight: 600; color: var(--muted); }
.tile .value { font-size: 1.6rem; font-weight: 650; line-height: 1.3; letter-spacing: -0.01em; }
.tile svg { display: block; width: 100%; height: auto; margin: 2px 0; }
.findings { list-style: none; margin: 0; padding: 0; display: grid; gap: 10px; }
.findings li { border-left: 4px solid var(--line); padding: 2px 0 2px 14px; overflow-wrap: anywhere; }
.findings li.critical { border-color: var(--bad); } .findings li.warning { border-color: var(--attention); }
.findings b.critical { color: var(--bad); } .findings b.warning { color: var(--attention); } .findings b.info { color: var(--muted); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
th, td { text-align: left; padding: 9px 14px; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child > td, tr:last-child > th { border-bottom: 0; }
thead th { font-size: 0.8rem; color: var(--muted); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; } tbody th .quiet { font-weight: 400; }
.nowrap, .stack code { white-space: nowrap; } .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.charts { display: grid; gap: 18px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); }
figure { margin: 0; min-width: 0; }
figcaption { display: flex; justify-content: space-between; gap: 10px; font-size: 0.9rem; align-items: baseline; margin-bottom: 2px; }
figcaption b { font-size: 1.05rem; white-space: nowrap; }
figure svg { display: block; width: 100%; height: auto; max-width: 460px; }
.drills { display: grid; gap: 22px; grid-template-columns: minmax(0, 2fr) minmax(0, 1fr); align-items: start; }
.drills .wide svg { max-width: 720px; } .narrow { display: none; }
details { margin-top: 12px; } summary { cursor: pointer; color: var(--accent); font-size: 0.9rem; width: fit-content; }
details .scroll { margin-top: 10px; max-height: 420px; overflow-y: auto; }
.plain { margin: 0; padding-left: 1.1em; display: grid; gap: 5px; overflow-wrap: anywhere; }
footer { padding-top: 28px; padding-bottom: 40px; }
@media screen and (max-width: 760px) {
  main, body > header, footer { padding-left: 14px; padding-right: 14px; } body > header { padding-top: 20px; }
  section.product { padding: 18px 16px 22px; margin-top: 22px; } h1 { font-size: 1.45rem; }
  .stack table, .stack tbody, .stack tr, .stack th, .stack td { display: block; } .stack thead { display: none; }
  .stack tr { padding: 10px 0; border-bottom: 1px solid var(--line); } .stack tr:last-child { border-bottom: 0; }
  .stack tbody th, .stack td { border: 0; padding: 3px 14px; text-align: left; white-space: normal; } .stack td { display: flex; gap: 12px; }
  .stack td::before { content: attr(data-label); flex: 0 0 6.6em; color: var(--muted); font-size: 0.86rem; }
  .drills { grid-template-columns: minmax(0, 1fr); } .wide { display: none; } .narrow { display: block; }
}
@media print {
  :root { color-scheme: light; --page: #fff; --card: #fff; --text: #111; --muted: #4a4a4a; --line: #ccc; --accent: #2457c5; --good: #146c3f; --good-soft: #fff;
    --attention: #7a4a00; --attention-soft: #fff; --bad: #a32018; --bad-soft: #fff; --code: #fff; }
  @page { margin: 14mm; }
  body { font-size: 11pt; } .skip, details { display: none; } main, body > header, footer { padding: 0; max-width: none; }
  section.product { border: 0; border-top: 2px solid #111; border-radius: 0; padding: 14px 0 0; margin-top: 22px; break-before: auto; }
  .badge { border: 1px solid currentColor; } .tile, figure, .findings li, tr, .products li { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .charts, .tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 10px; } .drills { grid-template-columns: 2fr 1fr; } .wide { display: block; } .narrow { display: none; }
  .scroll { overflow: visible; border: 0; } .products { grid-template-columns: repeat(2, minmax(0, 1fr)); } .products a { padding: 8px 12px; }
  th, td { padding: 5px 6px; } .stack code, .nowrap { white-space: normal; } .tile .value { font-size: 1.2rem; }
}
`
