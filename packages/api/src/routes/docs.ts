import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { createRequire } from 'node:module'
import { answerStaticFile, createStaticFile, type StaticFile } from '@titan/dashboard'
import { readVersion } from '@titan/service'
import { createDocument, type DescribedApi } from '../openapi/document.ts'
import type { Operation } from '../openapi/operation.ts'
import { found, Problem } from '../problem.ts'
import { PROBLEMS, type ProblemCode } from '../problems.ts'
import { pathParameter, routesOf, type Route } from './route.ts'

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

/** Reads the page and its files: those of the viewer's package and our own. They are 2 MB, so at the first request. */
const readFiles = once(() => {
  const bundle = pathToFileURL(require.resolve('swagger-ui-dist/swagger-ui-bundle.js'))
  const style = pathToFileURL(require.resolve('swagger-ui-dist/swagger-ui.css'))
  const files = new Map([
    ['swagger-ui-bundle.js', createStaticFile(bundle, JAVASCRIPT)],
    ['swagger-ui.css', createStaticFile(style, CSS)],
    ['page.js', createStaticFile(new URL('../docs/page.js', import.meta.url), JAVASCRIPT)],
    ['page.css', createStaticFile(new URL('../docs/page.css', import.meta.url), CSS)],
  ])
  // A version that changes with any file, so that a browser may cache them for a year.
  const tags = [...files.values()].map(({ tag }) => tag).join(' ')
  const version = hash('sha256', tags).slice(0, 16)
  const page = readFileSync(new URL('../docs/page.html', import.meta.url), 'utf8')
  const versioned = page.replaceAll('"docs/', `"docs/${version}/`)
  return { files, version, page: createStaticFile(versioned, 'text/html; charset=utf-8') }
})

function once<Value>(create: () => Value): () => Value {
  let value: Value | undefined
  return () => (value ??= create())
}

interface DocsServices {
  /** Returns the OpenAPI document of this API. */
  readonly document: () => StaticFile
}

/** Prepares the document of these operations; it is made at the first request. */
export function prepareDocument(operations: readonly Operation[], api: DescribedApi) {
  return once(() => {
    const version = readVersion(new URL('../../package.json', import.meta.url))
    return createStaticFile(JSON.stringify(createDocument(operations, version, api)), 'application/json')
  })
}

const on = routesOf<DocsServices>('Service')

/** A file of the page. */
const file = {
  isConditional: true,
  responses: [{ status: 200, description: 'A script or a style sheet', mediaType: 'text/*' }],
  problems: ['not-found'],
} as const

/** `GET /openapi.json`: the routes of this API. `GET /docs`: the same to read, without the Internet. */
export const DOCS_ROUTES: readonly Route<DocsServices>[] = [
  on.get('/openapi.json', {
    id: 'getOpenApi',
    summary: 'Read this document',
    isConditional: true,
    responses: [{ status: 200, description: 'OpenAPI 3.1', mediaType: 'application/json' }],
    handle: (context, { document }) => answerStaticFile(context, document(), 'revalidate'),
  }),
  on.get('/docs', {
    id: 'getDocs',
    summary: 'Read this document as a page',
    isConditional: true,
    responses: [{ status: 200, description: 'A page', mediaType: 'text/html' }],
    handle(context) {
      context.header('content-security-policy', POLICY)
      return answerStaticFile(context, readFiles().page, 'revalidate')
    },
  }),
  on.get('/docs/{file}', {
    ...file,
    id: 'getDocsFile',
    summary: 'Read a file of that page',
    handle: (context) => answerStaticFile(context, findFile(pathParameter(context, 'file')), 'revalidate'),
  }),
  on.get('/docs/{version}/{file}', {
    ...file,
    id: 'getVersionedDocsFile',
    summary: 'Read a file of that page, cached for a year',
    handle(context) {
      const isCurrent = pathParameter(context, 'version') === readFiles().version
      const asked = findFile(pathParameter(context, 'file'))
      return answerStaticFile(context, asked, isCurrent ? 'immutable' : 'revalidate')
    },
  }),
]

function findFile(name: string): StaticFile {
  return found(readFiles().files.get(name), 'not-found')
}

/** `GET /problems/{code}`: the page that a problem's `type` names, in plain words. */
export const PROBLEM_ROUTES: readonly Route<unknown>[] = [
  routesOf<unknown>('Service').get('/problems/{code}', {
    id: 'getProblem',
    summary: 'Explain a problem',
    responses: [
      {
        status: 200,
        description: 'The problem in plain words',
        mediaType: 'text/plain',
        example: 'No such payment\n\ncode: payment-not-found\nstatus: 404\n',
      },
    ],
    problems: ['not-found'],
    handle(context) {
      const code = pathParameter(context, 'code')
      if (!Object.hasOwn(PROBLEMS, code)) throw new Problem('not-found')
      const { status, title, advice } = PROBLEMS[code as ProblemCode]
      return context.text(`${title}\n\ncode: ${code}\nstatus: ${status}\n\n${advice}\n`)
    },
  }),
]
