import { afterAll, describe, expect, it } from 'vitest'
import { openTestApi } from './support/api.ts'

const api = await openTestApi()
afterAll(api.close)

describe('GET /docs', () => {
  it('answers a page that has all it needs from this server', async () => {
    const response = await api.request('/docs')
    const page = await response.text()
    const files = [...page.matchAll(/(?:src|href)="([^"]+\.(?:js|css|json))"/g)].map(([, file]) => file ?? '')

    expect(page).not.toMatch(/https?:|"\/\//)
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; /,
    )
    expect(response.headers.get('content-security-policy')).not.toContain(':/')
    expect(files).toContainEqual(expect.stringMatching(/^docs\/[\da-f]{16}\/swagger-ui-bundle\.js$/))
    for (const file of files) expect((await api.request(`/${file}`)).status, file).toBe(200)
  })

  // F104
  it('has files that may be kept for a year under their version, and are asked for again under another', async () => {
    const page = await (await api.request('/docs')).text()
    const path = /src="(docs\/[^"]+\/page\.js)"/.exec(page)?.[1] ?? ''
    expect((await api.request(`/${path}`)).headers.get('cache-control')).toBe(
      'public, max-age=31536000, immutable',
    )
    for (const other of ['/docs/page.js', '/docs/0123456789abcdef/page.js'])
      expect((await api.request(other)).headers.get('cache-control')).toBe('no-cache')
  })

  it('is not compressed for who refuses it', async () => {
    for (const encoding of ['identity', 'gzip;q=0', 'br', 'gzip; q=0.0'])
      expect(
        (await api.request('/docs/page.css', { headers: { 'accept-encoding': encoding } })).headers.get(
          'content-encoding',
        ),
      ).toBeNull()
  })

  it.each([
    ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8', 'SwaggerUIBundle'],
    ['swagger-ui.css', 'text/css; charset=utf-8', '.swagger-ui'],
    ['page.js', 'text/javascript; charset=utf-8', 'SwaggerUIBundle('],
  ])('serves %s, compressed for those who take it so', async (file, type, content) => {
    const plain = await api.request(`/docs/${file}`)
    const small = await api.request(`/docs/${file}`, { headers: { 'accept-encoding': 'gzip' } })
    const text = await plain.text()
    const unzipped = small.body?.pipeThrough(new DecompressionStream('gzip'))

    expect(plain.headers.get('content-type')).toBe(type)
    expect(text).toContain(content)
    expect(small.headers.get('content-encoding')).toBe('gzip')
    expect(await new Response(unzipped).text()).toBe(text)
  })

  it.each(['../package.json', '..%2fpackage.json', 'constructor', '__proto__', 'index.js'])(
    'serves no other files: %s',
    async (file) => {
      expect((await api.request(`/docs/${file}`)).status).toBe(404)
    },
  )
})
