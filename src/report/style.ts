/** Styles of pages with pictures, and those that the report adds. Phones have one column; large screens and paper have more. */

/** Text, tiles, keys, cards, figures and tables. */
export const BASE_CSS = `
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:68rem;margin:0 auto;padding:2rem 1rem 3rem}
h1{font-size:clamp(1.6rem,5vw,2.4rem);line-height:1.15;margin:0 0 .5rem;letter-spacing:-.02em;text-wrap:balance}
h2{font-size:1.3rem;margin:2.5rem 0 .25rem}
h3{font-size:1.05rem;margin:0;line-height:1.3}
p{margin:.25rem 0 1rem;max-width:44rem;color:var(--quiet)}
svg{display:block;width:100%;height:auto}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:1rem;margin:1.5rem 0}
dt{font-size:.85rem;color:var(--quiet);line-height:1.35}
dd{margin:0;font-size:1.6rem;font-weight:650;letter-spacing:-.01em}
dl div{display:flex;flex-direction:column-reverse;justify-content:flex-end}
dl div{border-top:2px solid var(--line);padding-top:.5rem}
.key{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:0 0 1rem;padding:0}
.key{list-style:none;font-size:.9rem;color:var(--quiet)}
.key li{display:flex;align-items:center;gap:.45rem}
.key i{flex:none;width:1.25rem;height:.3rem;border-radius:1rem;background:var(--c)}
.key .ring{width:.9rem;height:.9rem;background:none;border:2px solid var(--ink)}
.key .block{height:.8rem;border-radius:.15rem}
.cards{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}
article{--paper:var(--card);background:var(--card);border-radius:.9rem;padding:1rem}
article{display:flex;flex-direction:column;break-inside:avoid}
article header{display:flex;justify-content:space-between;gap:1rem;align-items:baseline;margin-bottom:.5rem}
figure{margin:0;min-width:0}
figcaption{font-size:.8rem;color:var(--quiet);margin-bottom:.25rem;line-height:1.3}
figcaption b{color:var(--c)}
table{border-collapse:collapse;width:100%;font-size:.8rem;margin-top:auto;font-variant-numeric:tabular-nums}
th{font-weight:500;color:var(--quiet)}
th,td{text-align:right;padding:.2rem 0 .2rem .4rem;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child{text-align:left;padding-left:0}
thead th{font-size:.75rem}
article p{font-size:.8rem;margin:.6rem 0 0}
.pairs text{font-size:10px}
.pairs svg svg text{font-size:9px}
details{border-top:1px solid var(--line);padding:.6rem 0}
summary{cursor:pointer;font-weight:600}
@media(min-width:40rem){.pairs text{font-size:7.5px}.pairs svg svg text{font-size:6.5px}}
@media(max-width:40rem){
main{padding:1.25rem .75rem 2rem}
article{padding:.75rem}
table{font-size:.72rem}
th,td{padding-left:.25rem}
}
@page{margin:14mm}
@media print{
main{max-width:none;padding:0}
body{font-size:11px}
.key i,article{print-color-adjust:exact;-webkit-print-color-adjust:exact}
h2{break-after:avoid}
}
`;

/** The report. A row has two small panels on a phone, and four on a large screen. */
export const REPORT_CSS = `${BASE_CSS}
html{scroll-padding-top:1rem}
dl{grid-template-columns:repeat(auto-fit,minmax(13rem,1fr))}
.kind{font-size:.8rem;margin:0;letter-spacing:.06em;text-transform:uppercase}
section{margin:2.75rem 0 0}
section h2{margin:0 0 .25rem}
section>h3{margin:1.25rem 0 .25rem}
.verdict{margin:1.5rem 0 0;border-left:.4rem solid var(--v);background:var(--card);border-radius:.3rem .9rem .9rem .3rem}
.verdict{padding:1rem 1.1rem;break-inside:avoid}
.verdict.good{--v:var(--good)}.verdict.fair{--v:var(--fair)}.verdict.bad{--v:var(--bad)}
.verdict h2{display:flex;gap:.5rem;align-items:center;color:var(--v);margin:0}
.verdict h2 svg{width:1.7rem;flex:none}
.verdict .headline{font-size:1.15rem;line-height:1.4;color:var(--ink);font-weight:600;margin:.4rem 0 .6rem;max-width:none}
.verdict ul{list-style:none;margin:0;padding:0}
.verdict li{display:flex;gap:.5rem;margin:.25rem 0;font-size:.95rem;line-height:1.4}
.mark{font-weight:700;flex:none}
.mark.good{color:var(--good)}.mark.bad{color:var(--bad)}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;margin:0;padding:0;font-size:.9rem}
nav a{color:var(--learned);display:inline-block;padding:.15rem 0}
figcaption b{color:var(--c,var(--ink));display:block}
figcaption,summary,h1,.verdict{overflow-wrap:anywhere}
.panels{display:grid;gap:1.25rem 1rem;margin:.75rem 0}
.panels.large{grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr))}
.panels.small{grid-template-columns:repeat(auto-fill,minmax(min(100%,13.5rem),1fr))}
.panels figure,.drawn figure{break-inside:avoid;display:flex;flex-direction:column}
.panels figcaption{flex:1}
.panels.large figure,.beside figure{max-width:26rem}
.panels text,.drawn text{font-family:system-ui,sans-serif}
.beside{display:grid;gap:1rem 2rem;align-items:center;grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr))}
.beside table{margin:0}
.drawn{display:grid;gap:.75rem;align-items:end;margin:.75rem 0;grid-template-columns:repeat(auto-fit,minmax(min(100%,12rem),1fr))}
article table{margin-top:.5rem}
article>p{margin:0}
th:first-child,.words td{white-space:normal;overflow-wrap:anywhere}
thead th{white-space:normal;vertical-align:bottom}
.words th,.words td{text-align:left;vertical-align:top;padding:.4rem .8rem .4rem 0}
.numbers th:first-child{min-width:5rem}
.wide{overflow-x:auto}
.words{max-width:60rem;font-size:.85rem;margin:.5rem 0 1rem}
.words tbody th{color:var(--ink);width:28%}
.words tbody th:first-child{overflow-wrap:normal}
.key .dashed,.key .dotted{height:0;border-radius:0;background:none;border-top:2px dashed var(--c)}
.key .dotted{border-top:3px dotted var(--c)}
.pairs{max-width:46rem;margin:.75rem auto .75rem 0}
.pairs.n1 text,.pairs.n2 text{font-size:9px}
.pairs.n1{max-width:20rem}.pairs.n2{max-width:34rem}
pre{background:var(--card);border-radius:.5rem;padding:.7rem .9rem;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem}
@media(max-width:40rem){
.panels.small{grid-template-columns:1fr 1fr;gap:1rem .6rem}
.panels.small figcaption{font-size:.72rem}
.panels.small svg text{font-size:13.5px}
.drawn text{font-size:8.5px}
.words{font-size:.78rem}
.words th,.words td{padding-right:.5rem}
dl{grid-template-columns:1fr 1fr}
dd{font-size:1.35rem}
dt{font-size:.78rem}
.verdict .headline{font-size:1.05rem}
}
@media print{
html{font-size:12px}
nav{display:none}
section{margin-top:1.5rem}
p{break-inside:avoid}
h3,.key,section>p:not(:last-child){break-after:avoid}
.cards{grid-template-columns:1fr 1fr}
.panels.large{grid-template-columns:1fr 1fr}
.panels.small{grid-template-columns:repeat(4,1fr)}
.verdict,.key i{print-color-adjust:exact;-webkit-print-color-adjust:exact}
tr,dl div,details,.beside,pre{break-inside:avoid}
summary{list-style:none}
details::details-content{content-visibility:visible;display:block;block-size:auto;opacity:1}
.pairs{max-width:112mm}
}
`;
