/** The page that shows the API to people: Swagger UI, served by ourselves, with nothing inline. */
import { readFile } from "node:fs/promises"
import path from "node:path"
import { fileURLToPath } from "node:url"
import type { Hono } from "hono"

const folder = path.dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist")))

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Capstan API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript. The same document, as JSON: <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/page.js"></script>
</body>
</html>
`

const script = `SwaggerUIBundle({
  dom_id: "#page",
  url: "/openapi.json",
  validatorUrl: null,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false
})
`

const headers = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY"
}

const assets: Readonly<Record<string, string>> = {
  "favicon-32x32.png": "image/png",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "swagger-ui.css": "text/css; charset=utf-8"
}

export const mount = (app: Hono): void => {
  app.get("/docs", (c) => c.body(page, 200, { ...headers, "content-type": "text/html; charset=utf-8" }))
  app.get("/docs/page.js", (c) => c.body(script, 200, { ...headers, "content-type": "text/javascript; charset=utf-8" }))
  for (const [name, type] of Object.entries(assets))
    app.get(`/docs/${name}`, async (c) =>
      c.body(new Uint8Array(await readFile(path.join(folder, name))), 200, {
        ...headers,
        "content-type": type,
        "cache-control": "public, max-age=3600"
      })
    )
}
