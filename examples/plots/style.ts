/** The style of the page: one column on a phone, two on a larger screen and on paper. */
export const CSS = `
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
.key i{width:1.25rem;height:.3rem;border-radius:1rem;background:var(--c)}
.key .ring{width:.9rem;height:.9rem;background:none;border:2px solid var(--ink)}
.key .block{height:.8rem;border-radius:.15rem}
.cards{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}
article{--paper:var(--card);background:var(--card);border-radius:.9rem;padding:1rem}
article{display:flex;flex-direction:column;break-inside:avoid}
article header{display:flex;justify-content:space-between;gap:1rem;align-items:baseline;margin-bottom:.5rem}
article header span{font-size:.85rem;color:var(--quiet);white-space:nowrap}
.fans{display:grid;grid-template-columns:5fr 3fr;gap:.75rem;align-items:end;margin-bottom:.75rem}
figure{margin:0;min-width:0}
figcaption{font-size:.8rem;color:var(--quiet);margin-bottom:.25rem;line-height:1.3}
figcaption b{color:var(--c)}
.fans text{font-size:11px}
table{border-collapse:collapse;width:100%;font-size:.8rem;margin-top:auto;font-variant-numeric:tabular-nums}
th{font-weight:500;color:var(--quiet)}
th,td{text-align:right;padding:.2rem 0 .2rem .4rem;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child{text-align:left;padding-left:0}
thead th{font-size:.75rem}
article p{font-size:.8rem;margin:.6rem 0 0}
section{margin:2.5rem 0 1.5rem}
section h2{margin-top:0}
.pairs{max-width:46rem;margin:1rem 0}
@media(min-width:60rem){
section{display:grid;grid-template-columns:1fr 44rem;gap:2rem}
section .pairs{margin:0}
section .key{flex-direction:column}
}
.pairs text{font-size:10px}
.pairs svg svg text{font-size:9px}
details{border-top:1px solid var(--line);padding:.6rem 0}
summary{cursor:pointer;font-weight:600}
@media(min-width:40rem){.pairs text{font-size:7.5px}.pairs svg svg text{font-size:6.5px}}
@media(max-width:40rem){
main{padding:1.25rem .75rem 2rem}
article{padding:.75rem}
.fans{grid-template-columns:1fr}
.fans figure+figure{width:62%}
table{font-size:.72rem}
th,td{padding-left:.25rem}
}
@page{margin:14mm}
@media print{
main{max-width:none;padding:0}
body{font-size:11px}
.key i,article{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.cards{grid-template-columns:1fr 1fr}
.fans text{font-size:12px}
section{display:block;break-before:page}
.pairs{max-width:none}
h2{break-after:avoid}
details:not([open]){display:none}
}
`;
