import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { readVersion } from '@titan/program'
import type { Hono } from 'hono'
import { compress } from 'hono/compress'
import { etag } from 'hono/etag'
import type { AppEnv } from '../middleware.ts'
import type { DescribedAccess } from '../openapi/described-access.ts'
import { createDocument } from '../openapi/document.ts'
import { servedBy } from '../openapi/served.ts'
import { Problem } from '../problem.ts'

/** The page may load what this server has and nothing else; it sends requests nowhere else either. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const JAVASCRIPT = 'text/javascript; charset=utf-8'
const CSS = 'text/css; charset=utf-8'
const require = createRequire(import.meta.url)

/** The files of the page: the viewer's, from its package, and our own. */
const FILES: Readonly<Record<string, { readonly url: URL; readonly type: string }>> = {
  'swagger-ui-bundle.js': {
    url: pathToFileURL(require.resolve('swagger-ui-dist/swagger-ui-bundle.js')),
    type: JAVASCRIPT,
  },
  'swagger-ui.css': { url: pathToFileURL(require.resolve('swagger-ui-dist/swagger-ui.css')), type: CSS },
  'page.js': { url: new URL('../docs/page.js', import.meta.url), type: JAVASCRIPT },
  'page.css': { url: new URL('../docs/page.css', import.meta.url), type: CSS },
}
const MANIFEST = new URL('../../package.json', import.meta.url)
const PAGE = new URL('../docs/page.html', import.meta.url)

/** `GET /openapi.json`: the routes of this very app. `GET /docs`: the same, to be read; it works without the Internet. */
export function mountDocs(app: Hono<AppEnv>, access: DescribedAccess): void {
  let document: string | undefined
  for (const path of ['/openapi.json', '/docs', '/docs/*']) app.use(path, compress(), etag())

  app.get('/openapi.json', (context) => {
    // At the first request, when all routes are mounted.
    document ??= JSON.stringify(createDocument(servedBy(app), readVersion(MANIFEST), access))
    context.header('cache-control', 'no-cache')
    return context.body(document, 200, { 'content-type': 'application/json' })
  })

  app.get('/docs', async (context) => {
    context.header('content-security-policy', POLICY)
    context.header('cache-control', 'no-cache')
    return context.html(await readFile(PAGE, 'utf8'))
  })

  app.get('/docs/:file', async (context) => {
    const name = context.req.param('file')
    const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined
    if (file === undefined) throw new Problem('not-found')
    context.header('cache-control', 'no-cache')
    return context.body(await readFile(file.url, 'utf8'), 200, { 'content-type': file.type })
  })
}
