/** The style of the page: one column on a phone, two on a larger screen and on paper. */
import { BASE_CSS } from "../../src/report/style.ts";

export const CSS = `${BASE_CSS}
article header span{font-size:.85rem;color:var(--quiet);white-space:nowrap}
.fans{display:grid;grid-template-columns:5fr 3fr;gap:.75rem;align-items:end;margin-bottom:.75rem}
.fans text{font-size:11px}
section{margin:2.5rem 0 1.5rem}
section h2{margin-top:0}
.pairs{max-width:46rem;margin:1rem 0}
@media(min-width:60rem){
section{display:grid;grid-template-columns:1fr 44rem;gap:2rem}
section .pairs{margin:0}
section .key{flex-direction:column}
}
@media(max-width:40rem){
.fans{grid-template-columns:1fr}
.fans figure+figure{width:62%}
}
@media print{
.cards{grid-template-columns:1fr 1fr}
.fans text{font-size:12px}
section{display:block;break-before:page}
.pairs{max-width:none}
details:not([open]){display:none}
}
`;
