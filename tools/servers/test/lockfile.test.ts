import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { acquireLock } from '../src/lockfile.ts'
import { identifyProcess } from '../src/process-identity.ts'
import { runChild } from './support/child.ts'
import { createFolder } from './support/folder.ts'

test('a folder in use by a living process is refused, and the message names that process', async () => {
  const file = join(createFolder(), 'start.json')
  const holder = await runChild(new URL('support/hold-lock.ts', import.meta.url), file)
  onTestFinished(async () => {
    await holder.kill()
    process.kill(Number(holder.firstLine), 'SIGKILL')
  })
  await expect(acquireLock(file, 'The folder')).rejects.toMatchObject({
    code: 'ALREADY_RUNNING',
    message: expect.stringContaining(`The folder is already in use by process ${holder.pid}`),
  })
})

test('the processes of an owner that was killed are ended before its folder is taken over', async () => {
  const folder = createFolder()
  const file = join(folder, 'start.json')
  const holder = await runChild(new URL('support/hold-lock.ts', import.meta.url), file)
  const leftover = Number(holder.firstLine)
  await holder.kill()
  expect(identifyProcess(leftover)).toBeDefined()

  const lock = await acquireLock(file, 'The folder')

  expect(identifyProcess(leftover)).toBeUndefined()
  expect(readdirSync(folder)).toEqual(['start.json'])
  lock.release()
})

test('a process that only has the recorded id is spared', async () => {
  const file = join(createFolder(), 'start.json')
  const stranger = spawn('sleep', ['600'], { stdio: 'ignore' })
  onTestFinished(() => void stranger.kill())
  await once(stranger, 'spawn')
  const recorded = { pid: stranger.pid, identity: 'of an earlier process', stopSignal: 'SIGTERM' }
  writeFileSync(
    file,
    JSON.stringify({ owner: { pid: stranger.pid, identity: 'gone' }, processes: [recorded] }),
  )

  const lock = await acquireLock(file, 'The folder')

  expect(identifyProcess(stranger.pid ?? 0)).toBeDefined()
  lock.release()
})

test('a damaged lockfile does not keep the folder locked', async () => {
  const file = join(createFolder(), 'start.json')
  writeFileSync(file, '{"owner":')
  const lock = await acquireLock(file, 'The folder')
  lock.release()
  expect(existsSync(file)).toBe(false)
})

test('of many concurrent locks of a folder one succeeds', async () => {
  const file = join(createFolder(), 'start.json')
  writeFileSync(file, JSON.stringify({ owner: { pid: 1, identity: 'gone' }, processes: [] }))
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, async () => await acquireLock(file, 'The folder')),
  )
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
})
