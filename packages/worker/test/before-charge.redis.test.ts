import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { killSpawned, spawnProgram } from '@titan/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadBeforeCharge } from '../src/before-charge.ts'
import { isReady, openRig, type Rig } from './support/rig.ts'

let rig: Rig
let directory: string
beforeAll(async () => {
  rig = await openRig()
  directory = await mkdtemp(join(tmpdir(), 'titan-before-charge-'))
})
afterAll(async () => {
  await killSpawned()
  await rm(directory, { recursive: true })
  await rig.close()
})

async function write(name: string, text: string): Promise<string> {
  const path = join(directory, name)
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, text)
  return path
}

const ALLOW = "export default () => ({ type: 'ALLOW' })"
const request = { paymentId: 'pay_1', attemptNo: 1, gatewayKey: 'titan_pay_1_1', amount: 1, currency: 'USD' }

describe('the module of BEFORE_CHARGE', { timeout: 120_000 }, () => {
  it('is a file, relative to the working directory, or a package', async () => {
    await write('allow.mjs', ALLOW)
    await write('node_modules/checks/package.json', '{ "type": "module", "exports": "./main.js" }')
    await write('node_modules/checks/main.js', ALLOW)
    for (const module of ['./allow.mjs', join(directory, 'allow.mjs'), 'checks']) {
      const beforeCharge = await loadBeforeCharge(module, directory)
      expect(await beforeCharge(request, { signal: AbortSignal.timeout(1_000) })).toEqual({ type: 'ALLOW' })
    }
  })

  it.each([
    ['missing.mjs', undefined, 'cannot be loaded: '],
    ['throws.mjs', "throw new Error('no rules')", 'cannot be loaded: no rules'],
    ['broken.mjs', 'export default (', 'cannot be loaded: '],
    ['empty.mjs', 'export const beforeCharge = () => {}', 'must export a function as its default'],
    ['value.mjs', "export default { type: 'ALLOW' }", 'must export a function as its default'],
  ])('ends the program when it cannot be used: %s', async (name, text, reason) => {
    const path = text === undefined ? join(directory, name) : await write(name, text)
    const program = spawnProgram('worker', ['--check'], { ...rig.env, BEFORE_CHARGE: path })
    expect(await program.exited).toEqual({ code: 1, signal: null })
    expect(program.stdout()).toBe('')
    expect(program.stderr()).toMatch(/^titan-worker: BEFORE_CHARGE [^\n]+\n$/)
    expect(program.stderr()).toContain(path)
    expect(program.stderr()).toContain(reason)
  })

  it('decides what is charged', async () => {
    const path = await write(
      'limit.mjs',
      "export default ({ amount }) => amount > 500 ? { type: 'DECLINE', code: 'too_much' } : { type: 'ALLOW' }",
    )
    const program = spawnProgram('worker', ['--before-charge', path, '--gateway-delay-ms', '0'], rig.env)
    await isReady(program)
    const [small, large] = [await rig.create('small', 500), await rig.create('large', 501)]
    await rig.reaches(small, 'SUCCESS')
    await rig.reaches(large, 'FAILED')
    expect(await rig.store.get(large)).toMatchObject({ failureCode: 'too_much', failureKind: 'not_sent' })
  })
})
