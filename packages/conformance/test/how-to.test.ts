import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')

/** Lines without what they are indented by. */
const linesOf = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')

test('the code of the how-to is that of the example, which tests run', () => {
  const blocks = [...read('docs/how-to/add-a-gateway.md').matchAll(/```js\n(.*?)```/gs)]
  const example = linesOf(read('examples/acme/acme.js') + read('examples/acme/acme.check.js'))
  expect(blocks).toHaveLength(2)
  for (const [, block = ''] of blocks) expect(example).toContain(linesOf(block))
})
