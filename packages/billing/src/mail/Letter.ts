/** A mail with one thing to do, as plain text and as HTML. Whatever is put into the HTML is escaped here. */

export interface Letter {
  readonly heading: string
  readonly paragraphs: ReadonlyArray<string>
  readonly facts: ReadonlyArray<readonly [name: string, value: string]>
  readonly action: { readonly label: string; readonly url: string }
  readonly note: string
  readonly seller: Seller
}

/** Whose mail it is. */
export interface Seller {
  readonly name: string
  readonly lines: ReadonlyArray<string>
  readonly logoUrl: string | null
}

export const text = ({ heading, paragraphs, facts, action, note, seller }: Letter): string =>
  [
    heading,
    ...paragraphs,
    facts.map(([name, value]) => `${name}: ${value}`).join("\n"),
    `${action.label}:\n${action.url}`,
    note,
    ["-- ", seller.name, ...seller.lines].join("\n")
  ].join("\n\n") + "\n"

const body = "margin:0;padding:24px 12px;background:#f4f5f7;color:#1b1f24;font:16px/1.5 Arial,Helvetica,sans-serif"
const sheet =
  "max-width:480px;margin:0 auto;padding:32px;background:#ffffff;border:1px solid #d9dde3;border-radius:12px;overflow-wrap:anywhere"
const button =
  "display:inline-block;padding:12px 20px;border-radius:8px;background:#1a5fb4;color:#ffffff;font-weight:bold;text-decoration:none"
const quiet = "color:#57606a;font-size:14px"

export const html = (letter: Letter): string => {
  const { heading, paragraphs, facts, action, note, seller } = letter
  const url = escape(action.url)
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escape(heading)}</title></head>
<body style="${body}">
<div style="${sheet}">
${logoOf(seller)}<h1 style="margin:0 0 12px;font-size:22px;line-height:1.25">${escape(heading)}</h1>
${paragraphs.map((paragraph) => `<p style="margin:8px 0">${escape(paragraph)}</p>`).join("\n")}
<table role="presentation" cellspacing="0" cellpadding="0" style="margin:20px 0">
${facts.map(([name, value]) => `<tr><td style="padding:2px 16px 2px 0;color:#57606a;vertical-align:top">${escape(name)}</td><td style="padding:2px 0">${escape(value)}</td></tr>`).join("\n")}
</table>
<p style="margin:24px 0"><a href="${url}" style="${button}">${escape(action.label)}</a></p>
<p style="${quiet};margin:8px 0">${escape(note)}</p>
<p style="${quiet};margin:8px 0">Should the button not work, open this address: <a href="${url}" style="color:#1a5fb4">${url}</a></p>
</div>
<p style="${quiet};max-width:480px;margin:16px auto 0;text-align:center">${[seller.name, ...seller.lines].map(escape).join("<br>")}</p>
</body>
</html>
`
}

const logoOf = ({ name, logoUrl }: Seller): string =>
  logoUrl === null
    ? ""
    : `<img src="${escape(logoUrl)}" alt="${escape(name)}" style="display:block;max-width:160px;max-height:48px;margin:0 0 24px">\n`

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}
const escape = (value: string): string => value.replaceAll(/[&<>"']/g, (sign) => entities[sign] ?? sign)
