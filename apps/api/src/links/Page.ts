/** Pages for people who came by a link: one document each, without a script, that asks nothing of anybody else. */
import { createHash } from "node:crypto"
import { html as template, raw } from "hono/html"
import type { HtmlEscapedString } from "hono/utils/html"

/** Text that has been escaped, or was written here. */
export type Html = HtmlEscapedString

/** A template in which whatever is put in is escaped, unless it is HTML already. */
export const html = (parts: TemplateStringsArray, ...values: ReadonlyArray<Html | string>): Html =>
  // Only a promise that is put in makes a promise.
  template(parts, ...values) as Html

const style = `
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; padding: 2rem 1rem; display: grid; place-items: start center;
  background: #f4f5f7; color: #1b1f24; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { width: 100%; max-width: 30rem; margin-top: 6vh; padding: 2rem; background: #fff; border: 1px solid #d9dde3;
  border-radius: 12px; box-shadow: 0 1px 3px rgb(27 31 36 / 8%); overflow-wrap: anywhere; }
h1 { margin: 0 0 .5rem; font-size: 1.35rem; line-height: 1.25; }
p { margin: .5rem 0; }
dl.limits { padding: 1rem; background: #f4f5f7; border-radius: 8px; font-variant-numeric: tabular-nums;
  align-items: baseline; }
.new { font-size: 1.4rem; font-weight: 650; }
dl { display: grid; grid-template-columns: minmax(6rem, auto) 1fr; gap: .35rem 1rem; margin: 1.25rem 0; }
dt { color: #57606a; }
dd { margin: 0; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.5rem; }
form { flex: 1 1 9rem; margin: 0; }
button { width: 100%; min-height: 2.75rem; padding: .6rem 1rem; border: 1px solid #aeb5be; border-radius: 8px;
  background: #fff; color: #1b1f24; font: inherit; font-weight: 600; cursor: pointer; }
button.approve { border-color: #1a5fb4; background: #1a5fb4; color: #fff; }
button:focus-visible, input:focus-visible { outline: 3px solid #78aeed; outline-offset: 2px; }
label { display: block; color: #57606a; }
input { width: 100%; min-height: 2.75rem; padding: .6rem .75rem; border: 1px solid #aeb5be; border-radius: 8px;
  font: inherit; }
.note { color: #57606a; font-size: .9rem; }
@media (max-width: 26rem) { body { padding: 0; } main { margin-top: 0; min-height: 100vh; border: 0; border-radius: 0;
  padding: 1.5rem 1.25rem; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .6rem; } }
`

const styleHash = createHash("sha256").update(style).digest("base64")

/** Nothing is loaded, nothing frames it, forms go nowhere but here, and the link is told to nobody. */
export const headers: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "x-robots-tag": "noindex"
}

export const document = (title: string, body: Html): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${raw(`<style>${style}</style>`)}
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html> `.toString()
