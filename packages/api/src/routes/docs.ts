import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { answerStaticFile, createStaticFile, type StaticFile } from '@titan/dashboard'
import { readVersion } from '@titan/service'
import { createDocument, type DescribedAccess } from '../openapi/document.ts'
import type { Operation } from '../openapi/operation.ts'
import { Problem } from '../problem.ts'
import { pathParameter, route, type Route } from './route.ts'

/** The page may load files of this server only, and send requests nowhere else. */
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

/** The files of the page: those of the viewer's package and our own, each read once. */
const FILES: Readonly<Record<string, () => StaticFile>> = {
  'swagger-ui-bundle.js': once(() =>
    readStatic(require.resolve('swagger-ui-dist/swagger-ui-bundle.js'), JAVASCRIPT),
  ),
  'swagger-ui.css': once(() => readStatic(require.resolve('swagger-ui-dist/swagger-ui.css'), CSS)),
  'page.js': once(() => createStaticFile(new URL('../docs/page.js', import.meta.url), JAVASCRIPT)),
  'page.css': once(() => createStaticFile(new URL('../docs/page.css', import.meta.url), CSS)),
}
const MANIFEST = new URL('../../package.json', import.meta.url)

/** A version that changes with any file, so that a browser may cache them for a year. */
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

/** What the pages of documentation work with. */
export interface DocsServices {
  /** The OpenAPI document of this API. */
  readonly document: () => StaticFile
}

/** Prepares the document of these operations; it is made at the first request. */
export function prepareDocument(operations: readonly Operation[], access: DescribedAccess): () => StaticFile {
  return once(() => {
    const text = JSON.stringify(createDocument(operations, readVersion(MANIFEST), access))
    return createStaticFile(text, 'application/json')
  })
}

const docsFile = {
  method: 'get',
  tag: 'Service',
  isConditional: true,
  responses: [{ status: 200, description: 'A script or a style sheet', mediaType: 'text/*' }],
  problems: ['not-found'],
} as const

/** `GET /openapi.json`: the routes of this API. `GET /docs`: the same to read, without the Internet. */
export const DOCS_ROUTES: readonly Route<DocsServices>[] = [
  route({
    method: 'get',
    path: '/openapi.json',
    id: 'getOpenApi',
    tag: 'Service',
    summary: 'Read this document',
    isConditional: true,
    responses: [{ status: 200, description: 'OpenAPI 3.1', mediaType: 'application/json' }],
    handle: (context, { document }) => answerStaticFile(context, document(), 'revalidate'),
  }),
  route({
    method: 'get',
    path: '/docs',
    id: 'getDocs',
    tag: 'Service',
    summary: 'Read this document as a page',
    isConditional: true,
    responses: [{ status: 200, description: 'A page', mediaType: 'text/html' }],
    handle(context) {
      context.header('content-security-policy', POLICY)
      return answerStaticFile(context, page(), 'revalidate')
    },
  }),
  route({
    ...docsFile,
    path: '/docs/{file}',
    id: 'getDocsFile',
    summary: 'Read a file of that page',
    handle: (context) => answerStaticFile(context, findFile(pathParameter(context, 'file')), 'revalidate'),
  }),
  route({
    ...docsFile,
    path: '/docs/{version}/{file}',
    id: 'getVersionedDocsFile',
    summary: 'Read a file of that page, cached for a year',
    handle(context) {
      const isCurrent = pathParameter(context, 'version') === versionOf()
      const file = findFile(pathParameter(context, 'file'))
      return answerStaticFile(context, file, isCurrent ? 'immutable' : 'revalidate')
    },
  }),
]

function findFile(name: string): StaticFile {
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined
  if (file === undefined) throw new Problem('not-found')
  return file()
}
