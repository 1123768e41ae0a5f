/** How the HTML report looks, by day and by night. */

export const REPORT_STYLE = `
:root{--back:#fff;--front:#1c2128;--dim:#57606a;--line:#d0d7de;--soft:#f6f8fa;--link:#0757b5;
--passed:#116329;--passed-back:#dcf5e2;--failed:#a40e26;--failed-back:#ffe3e3;--warned:#7a4b00;--warned-back:#fff1cc;
--informed:#0550ae;--informed-back:#ddf0ff;--missing:#57606a;--missing-back:#eaeef2;--known:#6639ba;--known-back:#f0e6ff}
@media(prefers-color-scheme:dark){:root{--back:#0f141a;--front:#e1e7ee;--dim:#98a4b0;--line:#333c46;--soft:#171d25;--link:#79b8ff;
--passed:#7ee29a;--passed-back:#12351f;--failed:#ff9b9b;--failed-back:#4a1519;--warned:#f2c14e;--warned-back:#3d2e07;
--informed:#84c1ff;--informed-back:#0f2d4d;--missing:#a4afbb;--missing-back:#262e37;--known:#cfb2ff;--known-back:#33214f}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:90rem;background:var(--back);color:var(--front);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.1rem;margin:0;overflow-wrap:anywhere}h3{font-size:1rem;margin:.5rem 0}
p{margin:.3rem 0;max-width:55rem}a{color:var(--link)}.dim{color:var(--dim)}
code,pre,.wire,.log>tr>td:nth-child(3){font-family:ui-monospace,monospace;font-size:13px}
pre{margin:.4rem 0;padding:.6rem;background:var(--soft);border:1px solid var(--line);border-radius:6px;white-space:pre-wrap;overflow-wrap:anywhere}
.cards{display:flex;flex-wrap:wrap;gap:.8rem;margin:.8rem 0}.card{flex:1 1 20rem;border:1px solid var(--line);border-radius:8px;padding:.7rem .9rem}
.counts{display:flex;flex-wrap:wrap;gap:.4rem;align-items:baseline}
.tone{display:inline-block;border:0;border-radius:1rem;padding:.05rem .6rem;font:inherit;font-size:13px;white-space:nowrap}
.passed{color:var(--passed);background:var(--passed-back)}.failed{color:var(--failed);background:var(--failed-back);font-weight:600}
.warned{color:var(--warned);background:var(--warned-back)}.informed{color:var(--informed);background:var(--informed-back)}
.missing{color:var(--missing);background:var(--missing-back)}.known{color:var(--known);background:var(--known-back)}
.bar{position:sticky;top:0;z-index:1;display:flex;flex-wrap:wrap;gap:.4rem;padding:.6rem 0;background:var(--back);border-bottom:1px solid var(--line)}
.bar input{flex:1 1 14rem;max-width:24rem}
.bar input,.bar button{font:inherit;font-size:14px;padding:.25rem .7rem;color:inherit;background:var(--soft);border:1px solid var(--line);border-radius:6px}
.bar button[aria-pressed=true]{color:var(--back);background:var(--front);border-color:var(--front)}
button{cursor:pointer}:focus-visible{outline:2px solid var(--link);outline-offset:1px}
table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;padding:.2rem .5rem}
.cases{width:100%}.cases>thead th{color:var(--dim);font-weight:600;overflow-wrap:anywhere}
.case{border-top:1px solid var(--line)}.case:hover{background:var(--soft)}.case td:first-child{width:6rem}
.id{font:inherit;font-variant-numeric:tabular-nums;border:0;background:none;color:var(--link);padding:0;text-decoration:underline}
.group th{padding-top:1rem;font-weight:600}.case{scroll-margin-top:7rem}.result{scroll-margin:7rem 0 1rem}
.panel>td{padding:.2rem 0 1.2rem 1rem;border-left:3px solid var(--link)}
dl{display:grid;grid-template-columns:6rem 1fr;gap:.2rem .6rem;margin:.3rem 0}dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
.result{border-top:1px dashed var(--line);margin-top:.5rem}
summary{cursor:pointer}
.log{width:100%}.log>tr>td{border-top:1px solid var(--line);overflow-wrap:anywhere}.log>tr>td:nth-child(-n+2){white-space:nowrap;width:1%}
.sent>td:nth-child(3){box-shadow:inset 2px 0 var(--dim)}.received>td:nth-child(3){box-shadow:inset 2px 0 var(--link)}
.note>td:nth-child(3){font-style:italic;color:var(--dim)}
.fields td{font-size:13px;border-top:1px solid var(--line);overflow-wrap:anywhere}.fault,.fault td{color:var(--failed)}
.legend td{border-top:1px solid var(--line)}
@media(max-width:40rem){.case td:nth-child(2){min-width:9rem}dl{grid-template-columns:1fr}body{padding:.6rem}}
`;
