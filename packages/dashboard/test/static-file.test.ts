import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { answerStaticFile, createStaticFile } from '../src/web/static-file.ts'

const TEXT = 'a text of some length. '.repeat(1_000)
const file = createStaticFile(TEXT, 'text/plain; charset=utf-8')
const app = new Hono()
app.get('/', (context) => answerStaticFile(context, file, 'immutable'))
const ask = async (headers: Record<string, string> = {}): Promise<Response> => app.request('/', { headers })

describe('a static file', () => {
  // F104 many requests at once for the viewer of `/docs`, its files and `/openapi.json`: read and compressed
  //  once; counted by the limit of requests at a time; kept by browsers under their version
  it('is compressed once', async () => {
    expect(await file.compressed()).toBe(await file.compressed())
    const { body } = await ask({ 'accept-encoding': 'br, gzip' })
    expect(await new Response(body?.pipeThrough(new DecompressionStream('gzip'))).text()).toBe(TEXT)
  })

  it.each([
    ['br, gzip', 'gzip'],
    ['gzip;q=0.5', 'gzip'],
    ['x-gzip', 'gzip'],
    ['', null],
    ['br', null],
    ['gzip;q=0', null],
    ['gzip; q=0.000', null],
    ['notgzip', null],
  ])('is sent to a client that accepts %j as %j', async (accepted, sent) => {
    const response = await ask({ 'accept-encoding': accepted })
    expect(response.headers.get('content-encoding')).toBe(sent)
    expect(response.headers.get('vary')).toBe('accept-encoding')
  })

  it('may be kept for a year, and is confirmed to a client that has it', async () => {
    const first = await ask()
    expect(first.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    const tag = first.headers.get('etag') ?? ''
    for (const given of [tag, `W/${tag}`, `"x", ${tag}`, '*'])
      expect((await ask({ 'if-none-match': given })).status, given).toBe(304)
    expect((await ask({ 'if-none-match': tag, 'accept-encoding': 'gzip' })).status).toBe(200)
    expect((await ask({ 'if-none-match': '"x"' })).status).toBe(200)
  })
})
