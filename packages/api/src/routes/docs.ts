import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { answerStaticFile, createStaticFile, type StaticFile } from '@titan/dashboard'
import { readVersion } from '@titan/service'
import type { Hono } from 'hono'
import type { AppEnv } from '../middleware/frame.ts'
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

/** The files of the page: the viewer's, from its package, and our own. Read when the first API is created. */
const FILES: Readonly<Record<string, () => StaticFile>> = {
  'swagger-ui-bundle.js': once(() =>
    readStatic(require.resolve('swagger-ui-dist/swagger-ui-bundle.js'), JAVASCRIPT),
  ),
  'swagger-ui.css': once(() => readStatic(require.resolve('swagger-ui-dist/swagger-ui.css'), CSS)),
  'page.js': once(() => createStaticFile(new URL('../docs/page.js', import.meta.url), JAVASCRIPT)),
  'page.css': once(() => createStaticFile(new URL('../docs/page.css', import.meta.url), CSS)),
}
const MANIFEST = new URL('../../package.json', import.meta.url)

/** Changes with any file, so that a browser may keep them for a year. */
const versionOf = once(() =>
  hash(
    'sha256',
    Object.values(FILES)
      .map((file) => file().tag)
      .join(' '),
  ).slice(0, 16),
)

/** The page, with the version in the paths of its files. */
const page = once(() => {
  const text = readFileSync(new URL('../docs/page.html', import.meta.url), 'utf8')
  return createStaticFile(text.replaceAll('"docs/', `"docs/${versionOf()}/`), 'text/html; charset=utf-8')
})

function readStatic(path: string, type: string): StaticFile {
  return createStaticFile(pathToFileURL(path), type)
}

function once<Value>(create: () => Value): () => Value {
  let value: Value | undefined
  return () => (value ??= create())
}

/** `GET /openapi.json`: the routes of this very app. `GET /docs`: the same, to be read; it works without the Internet. */
export function mountDocs(app: Hono<AppEnv>, access: DescribedAccess): void {
  // At the first request, when all routes are mounted.
  const document = once(() => {
    const text = JSON.stringify(createDocument(servedBy(app), readVersion(MANIFEST), access))
    return createStaticFile(text, 'application/json')
  })

  app.get('/openapi.json', (context) => answerStaticFile(context, document(), 'revalidate'))

  app.get('/docs', (context) => {
    context.header('content-security-policy', POLICY)
    return answerStaticFile(context, page(), 'revalidate')
  })

  app.get('/docs/:file', (context) =>
    answerStaticFile(context, find(context.req.param('file')), 'revalidate'),
  )

  app.get('/docs/:version/:file', (context) => {
    const isCurrent = context.req.param('version') === versionOf()
    return answerStaticFile(context, find(context.req.param('file')), isCurrent ? 'immutable' : 'revalidate')
  })
}

function find(name: string): StaticFile {
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined
  if (file === undefined) throw new Problem('not-found')
  return file()
}
